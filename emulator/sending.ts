/** Sending a message: what is checked, in what order, and what becomes of it. */

import type { App } from "./app.ts";
import type { JsonObject, ReceiverType } from "./cometchat.ts";
import { CometChatError, invalid } from "./errors.ts";
import type { Action, Origin, StoredMessage } from "./messages.ts";
import { conversationIdOf } from "./render.ts";
import { isObject, optionalList, optionalTags, optionalText } from "./validate.ts";
import { SYSTEM_UID } from "./world.ts";

/** Characters of the whole message [D] S25, S4, S5. */
const MAX_MESSAGE_CHARACTERS = 65_536;

/** Bytes of `data` as JSON in UTF-8 [D] S25, S4. */
const MAX_DATA_BYTES = 10 * 1024;

/** Distinct users mentioned in a message [D] S4. */
const MAX_MENTIONS = 10;

/** Receivers of `multipleReceivers`. The real limit is not documented [U]. */
const MAX_RECEIVERS = 25;

const TYPES: Record<string, readonly string[]> = {
  message: ["text", "image", "file", "audio", "video"],
  interactive: ["card", "form", "customInteractive", "scheduler"],
};

/** A message whose fields are in order, but whose receiver is not yet known to exist. */
export interface Draft {
  sender: string;
  receivers: { receiver: string; receiverType: ReceiverType }[];
  category: string;
  type: string;
  data: JsonObject;
  tags: string[] | undefined;
  muid: string | undefined;
  parentId: number | undefined;
  origin: Origin;
}

/** Checks the fields of a message as a body gives them [D] S3, S4, S24. */
export function readDraft(app: App, sender: string, body: JsonObject, origin: Origin): Draft {
  if (JSON.stringify(body).length > MAX_MESSAGE_CHARACTERS) {
    throw invalid("data", `The message may not be greater than ${MAX_MESSAGE_CHARACTERS} characters.`);
  }
  const receivers = readReceivers(body);
  const category = optionalText(body, "category", 100) ?? "message";
  checkCategory(app, category);
  const type = optionalText(body, "type", 100) ?? (category === "message" ? "text" : "");
  if (type === "") throw new CometChatError("ERR_EMPTY_MESSAGE_TYPE");
  if (TYPES[category] && !TYPES[category].includes(type)) throw new CometChatError("ERR_INVALID_MESSAGE_TYPE");
  const tags = optionalTags(body);
  const muid = optionalText(body, "muid", 255);
  const { data } = body;
  if (data === undefined || data === null) throw invalid("data", "The data field is required.");
  if (!isObject(data)) throw new CometChatError("ERR_INVALID_MESSAGE_DATA");
  checkData(app, category, type, data);
  return { sender, receivers, category, type, data, tags, muid: muid === "" ? undefined : muid, parentId: undefined, origin };
}

/**
 * Stores the message and tells everyone. With several receivers each gets one, and the first is answered: what
 * CometChat answers then is not known [U].
 */
export function send(app: App, draft: Draft): StoredMessage {
  for (const to of draft.receivers) checkReceiver(app, draft.sender, to);
  const parent = draft.parentId === undefined ? undefined : checkParent(app, draft);
  const former = draft.muid === undefined ? undefined : app.messages.withMuid(draft.sender, draft.muid);
  if (former && app.settings.choice("sameMuid") === "same") return former;
  if (former && app.settings.choice("sameMuid") === "error") throw invalid("muid", "The muid has already been taken.");
  const [first] = draft.receivers.map((to) => store(app, draft, to, parent));
  if (!first) throw invalid("receiver", "The receiver field is required.");
  return first;
}

/** Stores and tells an action message: what was done to a message, or to a member of a group. */
export function sendAction(
  app: App,
  to: { sender: string; receiver: string; receiverType: ReceiverType },
  type: "message" | "groupMember",
  action: Action,
  origin: Origin,
): StoredMessage {
  const draft = { ...to, receivers: [], category: "action", type, data: {}, tags: undefined, muid: undefined, parentId: undefined, origin };
  return store(app, draft, to, undefined, action);
}

/** Data of a message as it may be sent or put in place of another one's. */
export function checkData(app: App, category: string, type: string, data: JsonObject): void {
  const bytes = Buffer.byteLength(JSON.stringify(data));
  if (bytes > MAX_DATA_BYTES && app.settings.choice("oversizedData") === "refused") {
    throw invalid("data", `The data may not be greater than ${MAX_DATA_BYTES} bytes; it has ${bytes}.`);
  }
  if (data["metadata"] !== undefined && !isObject(data["metadata"])) throw new CometChatError("ERR_INVALID_METADATA");
  if (data["text"] !== undefined && typeof data["text"] !== "string") throw new CometChatError("ERR_INVALID_MESSAGE_TEXT");
  if (mentionsIn(data).length > MAX_MENTIONS) throw invalid("data.text", `The text may not mention more than ${MAX_MENTIONS} users.`);
  if (category === "custom") checkCustomData(data);
  else if (category === "message" && type === "text") checkText(data);
  else if (category === "message") checkAttachments(data);
}

/** UIDs in `<@uid:UID>` [D] S39, each once. */
export function mentionsIn(data: JsonObject): string[] {
  const text = typeof data["text"] === "string" ? data["text"] : "";
  return [...new Set([...text.matchAll(/<@uid:([^\s<>]{1,100})>/g)].map((match) => match[1]!.toLowerCase()))];
}

function readReceivers(body: JsonObject): Draft["receivers"] {
  const receivers: Draft["receivers"] = [];
  const several = body["multipleReceivers"];
  const receiver = optionalText(body, "receiver", 255);
  if (receiver !== undefined && receiver !== "") {
    const receiverType = optionalText(body, "receiverType", 100);
    if (receiverType === undefined) throw invalid("receiverType", "The receiverType field is required.");
    if (receiverType !== "user" && receiverType !== "group") throw new CometChatError("ERR_INVALID_RECEIVER_TYPE");
    receivers.push({ receiver: receiver.toLowerCase(), receiverType });
  }
  if (isObject(several)) {
    for (const uid of optionalList(several, "uids", MAX_RECEIVERS) ?? []) {
      receivers.push({ receiver: uid.toLowerCase(), receiverType: "user" });
    }
    for (const guid of optionalList(several, "guids", MAX_RECEIVERS) ?? []) {
      receivers.push({ receiver: guid.toLowerCase(), receiverType: "group" });
    }
  }
  if (receivers.length === 0) throw invalid("receiver", "The receiver field is required.");
  return receivers;
}

function checkCategory(app: App, category: string): void {
  const accepted = ["message", "custom"];
  if (app.settings.choice("interactiveCategory") === "accepted") accepted.push("interactive");
  if (!accepted.includes(category)) throw new CometChatError("ERR_INVALID_MESSAGE_CATEGORY");
}

function checkText(data: JsonObject): void {
  if (data["text"] === undefined || data["text"] === "") throw new CometChatError("ERR_EMPTY_MESSAGE_TEXT");
}

function checkCustomData(data: JsonObject): void {
  const { customData } = data;
  if (customData === undefined || customData === null) throw new CometChatError("ERR_EMPTY_CUSTOM_DATA");
  if (!isObject(customData)) throw new CometChatError("ERR_INVALID_CUSTOM_DATA");
  if (Object.keys(customData).length === 0) throw new CometChatError("ERR_EMPTY_CUSTOM_DATA");
}

function checkAttachments(data: JsonObject): void {
  const { attachments, url } = data;
  if (attachments === undefined && typeof url === "string") return;
  if (!Array.isArray(attachments) || attachments.length === 0) throw new CometChatError("ERR_EMPTY_MESSAGE_FILE");
  const whole = attachments.every((attachment) => isObject(attachment) && typeof attachment["url"] === "string");
  if (!whole) throw new CometChatError("ERR_INVALID_MEDIA_MESSAGE");
}

/** Existence [OBS] S32, S34, blocks [OBS] S35, bans and membership [D] S24. */
function checkReceiver(app: App, sender: string, { receiver, receiverType }: Draft["receivers"][number]): void {
  if (receiverType === "user") {
    const user = app.world.user(receiver);
    if (app.world.users.get(sender)?.blocked.has(user.uid)) throw new CometChatError("ERR_BLOCKED_RECEIVER");
    if (user.blocked.has(sender)) throw new CometChatError("ERR_BLOCKED_SENDER");
    return;
  }
  const group = app.world.group(receiver);
  if (sender === SYSTEM_UID) return;
  if (group.banned.has(sender)) throw new CometChatError("ERR_BANNED_GROUPMEMBER");
  if (!group.members.has(sender) && app.settings.flag("membershipToPost")) throw new CometChatError("ERR_NOT_A_MEMBER");
}

/** Threads have one level and stay in their conversation [D] S24. */
function checkParent(app: App, draft: Draft): StoredMessage {
  const parent = app.messages.get(draft.parentId!);
  if (!parent) throw new CometChatError("ERR_MESSAGE_ID_NOT_FOUND", `The message with id ${draft.parentId} does not exist.`);
  if (parent.parentId !== undefined) throw new CometChatError("ERR_MESSAGE_THREAD_NESTING");
  if (parent.category === "action" || parent.category === "call") throw new CometChatError("ERR_WRONG_MESSAGE_THREAD_CATEGORY");
  for (const { receiver, receiverType } of draft.receivers) {
    if (conversationIdOf(app, draft.sender, receiverType, receiver) === parent.conversation.id) continue;
    throw new CometChatError("ERR_WRONG_MESSAGE_THREAD");
  }
  return parent;
}

function store(
  app: App,
  draft: Draft,
  { receiver, receiverType }: Draft["receivers"][number],
  parent: StoredMessage | undefined,
  action?: Action,
): StoredMessage {
  const now = app.now();
  const { sender, data } = draft;
  const parties = receiverType === "group" ? [receiver] : [...new Set([sender, receiver])];
  const { entities: _entities, mentions: _mentions, reactions: _reactions, ...kept } = data;
  const message = app.messages.add(conversationIdOf(app, sender, receiverType, receiver), parties, {
    ...(draft.muid !== undefined && { muid: draft.muid }),
    sender,
    receiverType,
    receiver,
    category: draft.category,
    type: draft.type,
    ...(parent && { parentId: parent.id }),
    data: kept,
    mentions: mentionsIn(data).filter((uid) => app.world.users.has(uid)),
    ...(action && { action }),
    ...(draft.tags && { tags: draft.tags }),
    origin: draft.origin,
    sentAt: now,
    updatedAt: now,
  });
  if (!action) countUnread(app, message);
  app.tell({ kind: "message", message });
  return message;
}

function countUnread(app: App, { conversation, sender }: StoredMessage): void {
  const readers = conversation.type === "user" ? conversation.parties : (app.world.groups.get(conversation.parties[0]!)?.members.keys() ?? []);
  for (const uid of readers) {
    if (uid !== sender) conversation.unread.set(uid, (conversation.unread.get(uid) ?? 0) + 1);
  }
}
