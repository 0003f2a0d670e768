// @ts-nocheck: it runs in workerd.

// Chat SDK inside Cloudflare Agents, an agent for each conversation, with the durable state that Agents has for it.

import { Agent, getAgentByName } from "agents";
import { createChatSdkState } from "agents/chat-sdk";

import { chatOf } from "./chat-bot.js";
import { readCallback } from "./cometchat.js";

export { ChatSdkStateAgent } from "agents/chat-sdk";

export class Conversation extends Agent {
  #chat;

  onStart() {
    this.#chat = chatOf(this.env, createChatSdkState());
  }

  onRequest(request) {
    return this.#chat.webhooks.cometchat(request, { waitUntil: (task) => this.ctx.waitUntil(task) });
  }
}

export default {
  async fetch(request, env) {
    const message = await readCallback(request.clone(), env);
    if (message instanceof Response) return message;
    const agent = await getAgentByName(env.CONVERSATION, message.conversation);
    return agent.fetch(request);
  },
};
