// @ts-nocheck: it runs in workerd.

// Chat SDK with its state in memory: no promise, and an order in one process.

import { createMemoryState } from "@chat-adapter/state-memory";

import { chatOf } from "./chat-bot.js";

let chat;

export default {
  fetch(request, env, context) {
    chat ??= chatOf(env, createMemoryState());
    return chat.webhooks.cometchat(request, { waitUntil: (task) => context.waitUntil(task) });
  },
};
