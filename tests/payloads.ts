// Callbacks as CometChat posts them, composed after its documented sample (tests/fixtures) and webhook samples.

import { local } from "../scripts/lib/local.mjs";

/** A message as a person or a bot has said it. What is left out is that of an ordinary text from `cometchat-uid-1`. */
export interface Said {
  /** Default: one that no message had before. */
  id?: string | number;
  sender?: string;
  /** Default: the bot `demo_bot`, in a 1:1 chat. */
  to?: { user: string } | { group: string };
  text?: string;
  category?: string;
  type?: string;
  /** UIDs. Their markup is put in front of the text. */
  mentions?: readonly string[];
  /** Added to `data.data`. */
  data?: object;
  /** Added to the message: `parentId`, `muid`, `tags`, … */
  fields?: object;
}

let nextId = 100_000;

/** The message itself, as it stands under `data` or under `data.message`. */
export function message(said: Said = {}): Record<string, unknown> & { id: string | number } {
  const sender = said.sender ?? "cometchat-uid-1";
  const to = said.to ?? { user: "demo_bot" };
  const mentions = said.mentions ?? [];
  const text = [...mentions.map((uid) => `<@uid:${uid}>`), said.text ?? "hi"].join(" ");
  const sentAt = 1_680_125_130;
  const receiver =
    "user" in to
      ? { entity: user(to.user), entityType: "user" }
      : { entity: { guid: to.group, name: "Team", type: "public", membersCount: 5 }, entityType: "group" };
  return {
    id: said.id ?? String(nextId++),
    conversationId: "user" in to ? `${sender}_user_${to.user}` : `group_${to.group}`,
    sender,
    receiverType: "user" in to ? "user" : "group",
    receiver: "user" in to ? to.user : to.group,
    category: said.category ?? "message",
    type: said.type ?? "text",
    data: {
      text,
      resource: "WEB-4_1_10-055bb47a-7b1f-417b-8385-9d31e606da2a-1680119041609",
      ...(mentions.length > 0 && { mentions: Object.fromEntries(mentions.map((uid) => [uid, user(uid)])) }),
      entities: { sender: { entity: user(sender), entityType: "user" }, receiver },
      ...said.data,
    },
    sentAt,
    updatedAt: sentAt,
    ...said.fields,
  };
}

/** What a bot's callback URL is sent: the message directly under `data`, and the bot's UID. */
export function afterMessage(said: Said = {}, envelope: object = {}) {
  return {
    trigger: "after_message",
    data: message(said),
    appId: local.appId,
    origin: { platform: "web", language: "reactjs", resource: "chat-widget" },
    chatAPIVersion: "3.0",
    region: local.region,
    bot: "demo_bot",
    ...envelope,
  };
}

/** What an app-wide webhook is sent: the message one level deeper, and no bot. */
export function messageSent(said: Said = {}, envelope: object = {}) {
  return {
    trigger: "message_sent",
    data: { message: message(said) },
    appId: local.appId,
    region: local.region,
    webhook: "everything",
    ...envelope,
  };
}

function user(uid: string) {
  return { uid, name: names[uid] ?? uid, role: "default", status: "offline" };
}

const names: Record<string, string> = { "cometchat-uid-1": "Andrew Joseph", demo_bot: "Demo Bot" };
