/** Which messages a bot gets to hear, and what its callback looks like. */

import type { App } from "./app.ts";
import type { JsonObject } from "./cometchat.ts";
import type { Delivery, Deliveries } from "./deliveries.ts";
import type { StoredMessage } from "./messages.ts";
import { showMessage } from "./render.ts";
import type { BotRecord } from "./world.ts";
import { SYSTEM_UID } from "./world.ts";

/** Posts every message to the bots that it concerns. */
export function relayToBots(app: App, deliveries: Deliveries): void {
  app.listen((change) => {
    if (change.kind !== "message") return;
    for (const bot of app.world.bots.values()) {
      if (relays(app, bot, change.message)) deliveries.submit(callbackOf(app, bot, change.message));
    }
  });
}

/**
 * Nothing goes out while `enabled` is not true; 1:1 messages to the bot always do [D] S8; group messages as
 * `groupChatSetting` says [D] S9, whose values are understood by their names [INF]. All else is a switch.
 */
export function relays(app: App, bot: BotRecord, message: StoredMessage): boolean {
  const { settings } = app;
  if (!bot.enabled || app.world.users.get(bot.uid)?.deactivatedAt !== undefined) return false;
  if (message.sender === bot.uid) {
    if (!settings.flag("relayOwnMessages")) return false;
  } else if (app.world.bots.has(message.sender) && !settings.flag("relayBotMessages")) {
    return false;
  }
  if (message.sender === SYSTEM_UID && !message.action && !settings.flag("relaySystemMessages")) return false;
  const action = message.category === "action" || message.category === "call";
  if (action && !settings.flag("relayActionMessages")) return false;
  const custom = message.category === "custom" || message.category === "interactive";
  if (custom && !settings.flag("relayCustomMessages")) return false;
  if (message.receiverType === "user") return message.conversation.parties.includes(bot.uid);
  const group = app.world.groups.get(message.receiver);
  if (!group || (settings.flag("membershipToHear") && !group.members.has(bot.uid))) return false;
  switch (bot.groupChatSetting) {
    case "allMessages":
      return true;
    case "slashedMessages":
      return textOf(message).startsWith("/");
    case "mentionedMessages":
      return mentions(app, bot.uid, message);
    case "none":
      return false;
  }
}

/** The delivery of a message to a bot. */
export function callbackOf(app: App, bot: BotRecord, message: StoredMessage): Delivery {
  const body = callbackBody(app, bot, message);
  return {
    to: { bot: bot.uid },
    ...addressOf(bot),
    trigger: String(body["trigger"]),
    messageId: String(message.id),
    conversationId: message.conversation.id,
    cause: "message",
    lane: `${bot.uid} ${message.conversation.id}`,
    identity: [message.conversation.id, message.sender, message.ordinal, bot.uid],
    body: JSON.stringify(body),
  };
}

/** Where a bot's callbacks go, and with which credentials [D] S8, S14. */
export function addressOf(bot: BotRecord): Pick<Delivery, "url" | "credentials"> {
  if (!bot.useBasicAuth) return { url: bot.webhookURL };
  return { url: bot.webhookURL, credentials: { username: bot.username ?? "", password: bot.password ?? "" } };
}

/** The documented sample [D-old] S17, or the envelope of the newer webhooks [D] S21 with `bot` for `webhook` [INF]. */
function callbackBody(app: App, bot: BotRecord, message: StoredMessage): JsonObject {
  const shown = showMessage(app, message, { audience: "callback", uid: bot.uid }) as unknown as JsonObject;
  const { appId, region } = app.identity;
  if (app.settings.choice("envelope") === "new") {
    return { trigger: "message_sent", data: { message: shown }, appId, region, bot: bot.uid };
  }
  return {
    trigger: "after_message",
    data: shown,
    appId,
    origin: { ...message.origin },
    chatAPIVersion: "3.0",
    region,
    bot: bot.uid,
  };
}

function mentions(app: App, uid: string, message: StoredMessage): boolean {
  const rule = app.settings.choice("mentionRule");
  if (rule === "data.mentions") return message.mentions.includes(uid);
  if (textOf(message).toLowerCase().includes(`<@uid:${uid}>`)) return true;
  if (rule === "text" || message.parentId === undefined) return false;
  return app.messages.get(message.parentId)?.sender === uid;
}

function textOf(message: StoredMessage): string {
  const text = message.data["text"];
  return typeof text === "string" ? text : "";
}
