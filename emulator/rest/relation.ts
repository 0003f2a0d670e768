/** What a REST call is about: its conversation, and the message that it answers as far as can be told. For the inspector. */

import type { RestExchange } from "../api.ts";
import type { App } from "../app.ts";
import { conversationIdOf } from "../render.ts";
import { isObject } from "../validate.ts";
import type { Call, Route } from "./router.ts";

type About = Pick<Call, "params" | "body" | "onBehalfOf"> & { route: Route };

export function relationOf(app: App, about: About): Pick<RestExchange, "conversationId" | "answers"> {
  const speaker = (about.route.operation === "sendBotMessage" ? about.params["uid"]?.toLowerCase() : about.onBehalfOf) ?? "";
  const conversationId = conversationOf(app, about, speaker);
  if (conversationId === undefined) return {};
  const answers = app.world.bots.has(speaker) ? answered(app, speaker, conversationId, about) : undefined;
  return { conversationId, ...(answers && { answers }) };
}

function conversationOf(app: App, { route, params, body }: About, speaker: string): string | undefined {
  if (params["id"] !== undefined) return app.messages.get(Number(params["id"]))?.conversation.id;
  const { receiver, receiverType } = body;
  if (typeof receiver === "string" && (receiverType === "user" || receiverType === "group")) {
    return conversationIdOf(app, speaker, receiverType, receiver.toLowerCase());
  }
  if (params["guid"] !== undefined) return conversationIdOf(app, speaker, "group", params["guid"].toLowerCase());
  if (route.faults === "histories" && params["uid"] !== undefined && speaker !== "") {
    return conversationIdOf(app, speaker, "user", params["uid"].toLowerCase());
  }
  return undefined;
}

/** A bot may say it in the metadata or in its muid. Otherwise it is the message that it heard last. */
function answered(app: App, bot: string, conversationId: string, { body }: About): RestExchange["answers"] {
  const data = isObject(body["data"]) ? body["data"] : {};
  const metadata = isObject(data["metadata"]) ? data["metadata"] : {};
  const claims = [["metadata", metadata["halley"]], ["muid", body["muid"]]] as const;
  for (const [by, value] of claims) {
    const messageId = typeof value === "string" ? idIn(app, bot, conversationId, value) : undefined;
    if (messageId !== undefined) return { messageId, by };
  }
  const messageId = app.exchanges.lastDelivered(bot, conversationId);
  return messageId === undefined ? undefined : { messageId, by: "time" };
}

/** The first number in a text such as `demo_bot-712-reply-1` that is the id of a message of the conversation. */
function idIn(app: App, bot: string, conversationId: string, text: string): string | undefined {
  const words = (text.startsWith(`${bot}-`) ? text.slice(bot.length + 1) : text).split(/[^0-9A-Za-z]+/);
  return words.find((word) => /^\d{1,15}$/.test(word) && app.messages.get(Number(word))?.conversation.id === conversationId);
}
