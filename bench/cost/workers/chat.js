// @ts-nocheck: it runs in workerd.

// Chat SDK with its state in memory: no promise, and an order in one process. `queue` hands a handler the latest message
// and, as skipped, those before it; this bot answers them too.

import { createMemoryState } from "@chat-adapter/state-memory";
import { Chat } from "chat";

import { CometChatAdapter } from "./chat-adapter.js";

let chat;

function made(env) {
  const made = new Chat({
    userName: "bot",
    adapters: { cometchat: new CometChatAdapter(env) },
    state: createMemoryState(),
    concurrency: { strategy: "queue", maxQueueSize: 1_000 },
    logger: "silent",
  });
  made.onDirectMessage(async (thread, message, _channel, context) => {
    for (const { text } of [...(context?.skipped ?? []), message]) {
      const turns = ((await thread.state)?.turns ?? 0) + 1;
      await thread.setState({ turns });
      await thread.post(`${turns}: ${text}`);
    }
  });
  return made;
}

export default {
  fetch(request, env, context) {
    chat ??= made(env);
    return chat.webhooks.cometchat(request, { waitUntil: (task) => context.waitUntil(task) });
  },
};
