// @ts-nocheck: it runs in workerd.

// CometChat for Chat SDK: there is no adapter, so this is the least of one that a bot needs.

import { Message, parseMarkdown } from "chat";

import { accepted, readCallback, replyTo, send } from "./cometchat.js";

const PREFIX = "cometchat:";

export class CometChatAdapter {
  name = "cometchat";
  userName = "bot";
  #env;
  #chat;

  constructor(env) {
    this.#env = env;
  }

  async initialize(chat) {
    this.#chat = chat;
  }

  async handleWebhook(request, options) {
    const message = await readCallback(request, this.#env);
    if (message instanceof Response) return message;
    const threadId = this.encodeThreadId(message);
    // A failure is logged by the SDK; its promise rejects all the same.
    this.#chat.processMessage(this, threadId, this.parseMessage(message), options).catch(() => undefined);
    return accepted();
  }

  parseMessage(raw) {
    const author = { userId: raw.sender, userName: raw.name, fullName: raw.name, isBot: false, isMe: false };
    const metadata = { dateSent: new Date(), edited: false };
    const formatted = parseMarkdown(raw.text);
    return new Message({ id: raw.id, threadId: this.encodeThreadId(raw), text: raw.text, formatted, raw, author, metadata, attachments: [] });
  }

  async postMessage(threadId, text) {
    const [bot, receiverType, peer] = this.decodeThreadId(threadId);
    const id = crypto.randomUUID();
    if (!(await send(this.#env, bot, replyTo({ id, bot, peer, receiverType }, text)))) throw new Error("The reply was not taken.");
    return { id, threadId, raw: null };
  }

  encodeThreadId = ({ conversation }) => PREFIX + conversation;
  decodeThreadId = (threadId) => threadId.slice(PREFIX.length).split(":");
  channelIdFromThreadId = (threadId) => threadId;
  isDM = (threadId) => this.decodeThreadId(threadId)[1] === "user";
}
