// @ts-nocheck: it runs in workerd.

// grammY with its session in KV. It speaks Telegram's language: a callback becomes an update, and a transformer, which
// is grammY's own place for that, sends `sendMessage` to CometChat. The 200 follows the answer, as `webhookCallback`
// has it.

import { Bot, session } from "grammy";
import { KvAdapter } from "@grammyjs/storage-cloudflare";

import { accepted, readCallback, replyTo, send } from "./cometchat.js";

const BOT = { id: 1, is_bot: true, first_name: "Bot", username: "bot", can_join_groups: true, can_read_all_group_messages: true, supports_inline_queries: false };

let bot;

function made(env) {
  const made = new Bot("1:token", { botInfo: BOT });
  made.api.config.use(async (_call, method, payload) => {
    if (method !== "sendMessage") throw new Error(`Not translated: ${method}.`);
    const { chat_id: conversation, text, reply_parameters: answered } = payload;
    const [bot, receiverType, peer] = conversation.split(":");
    const body = replyTo({ id: answered.message_id, bot, receiverType, peer }, text);
    if (!(await send(env, bot, body))) throw new Error("The reply was not taken.");
    return { ok: true, result: { message_id: 1, date: 0, chat: { id: conversation, type: "private" }, text } };
  });
  made.use(session({ initial: () => ({ turns: 0 }), storage: new KvAdapter(env.CONVERSATIONS) }));
  made.on("message:text", async (context) => {
    context.session.turns += 1;
    const reply_parameters = { message_id: context.message.message_id };
    await context.reply(`${context.session.turns}: ${context.message.text}`, { reply_parameters });
  });
  return made;
}

export default {
  async fetch(request, env) {
    const message = await readCallback(request, env);
    if (message instanceof Response) return message;
    bot ??= made(env);
    const from = { id: 2, is_bot: false, first_name: message.name };
    const chat = { id: message.conversation, type: "private", first_name: message.name };
    const id = Number(message.id);
    await bot.handleUpdate({ update_id: id, message: { message_id: id, date: 0, from, chat, text: message.text } });
    return accepted();
  },
};
