// @ts-nocheck: it runs in workerd.

// Keeps nothing and promises nothing: what is left is what every worker here has to pay.

import { accepted, readCallback, replyTo, send } from "./cometchat.js";

export default {
  async fetch(request, env, context) {
    const message = await readCallback(request, env);
    if (message instanceof Response) return message;
    context.waitUntil(send(env, message.bot, replyTo(message, `1: ${message.text}`)));
    return accepted();
  },
};
