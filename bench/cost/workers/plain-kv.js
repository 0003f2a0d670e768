// @ts-nocheck: it runs in workerd.

// By hand, with KV: acknowledge, then count, then answer. What fails after the 200 is gone, and of two messages of one
// conversation at a time one is not counted.

import { accepted, readCallback, replyTo, send } from "./cometchat.js";

export default {
  async fetch(request, env, context) {
    const message = await readCallback(request, env);
    if (message instanceof Response) return message;
    context.waitUntil(answer(env, message));
    return accepted();
  },
};

async function answer(env, message) {
  const state = (await env.CONVERSATIONS.get(message.conversation, "json")) ?? { turns: 0 };
  state.turns += 1;
  await env.CONVERSATIONS.put(message.conversation, JSON.stringify(state));
  await send(env, message.bot, replyTo(message, `${state.turns}: ${message.text}`));
}
