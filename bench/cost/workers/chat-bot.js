// @ts-nocheck: it runs in workerd.

// The bot for Chat SDK. `queue` hands a handler the latest message and, as skipped, those before it; it answers them too.

import { Chat } from "chat";

import { CometChatAdapter } from "./chat-adapter.js";

export function chatOf(env, state) {
  const chat = new Chat({
    userName: "bot",
    adapters: { cometchat: new CometChatAdapter(env) },
    state,
    concurrency: { strategy: "queue", maxQueueSize: 1_000 },
    logger: "silent",
  });
  chat.onDirectMessage(async (thread, message, _channel, context) => {
    for (const { text } of [...(context?.skipped ?? []), message]) {
      const turns = ((await thread.state)?.turns ?? 0) + 1;
      await thread.setState({ turns });
      await thread.post(`${turns}: ${text}`);
    }
  });
  return chat;
}
