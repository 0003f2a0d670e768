// @ts-nocheck: it runs in workerd.

// Cloudflare Agents: one agent for each conversation, its state, and its durable queue, which takes up after a crash
// what it has not finished. It does not recognise duplicates.

import { Agent, getAgentByName } from "agents";

import { accepted, readCallback, replyTo, send } from "./cometchat.js";

export class Conversation extends Agent {
  initialState = { turns: 0 };

  async receive(message) {
    await this.queue("answer", message);
  }

  async answer(message) {
    this.setState({ turns: this.state.turns + 1 });
    const isTaken = await send(this.env, message.bot, replyTo(message, `${this.state.turns}: ${message.text}`));
    if (!isTaken) throw new Error("The reply was not taken.");
  }
}

export default {
  async fetch(request, env) {
    const message = await readCallback(request, env);
    if (message instanceof Response) return message;
    const agent = await getAgentByName(env.CONVERSATION, message.conversation);
    await agent.receive(message);
    return accepted();
  },
};
