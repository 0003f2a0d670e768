/** What becomes of messages after they were sent: edits, deletions, reactions, interactions and receipts. */

import type { App } from "./app.ts";
import type { JsonObject } from "./cometchat.ts";
import { CometChatError } from "./errors.ts";
import type { Conversation, Origin, Receipt, StoredMessage } from "./messages.ts";
import { checkData, mentionsIn, sendAction } from "./sending.ts";
import { messageId } from "./validate.ts";
import { SYSTEM_UID } from "./world.ts";

/** Distinct reactions on a message, and characters of one [D] S4. */
const MAX_REACTIONS = 25;
const MAX_REACTION_CHARACTERS = 45;

/** A message by the id in a path; on behalf of a user only if it is in a conversation of theirs. */
export function visibleMessage(app: App, id: string, uid: string | undefined): StoredMessage {
  const message = app.messages.get(messageId(id));
  if (!message) throw new CometChatError("ERR_MESSAGE_ID_NOT_FOUND", `The message with id ${id} does not exist.`);
  if (uid !== undefined && !takesPart(app, message.conversation, uid)) throw new CometChatError("ERR_MESSAGE_NO_ACCESS");
  return message;
}

/** Whether a user is one of the two, or a member of the group. */
export function takesPart(app: App, { type, parties }: Conversation, uid: string): boolean {
  if (type === "user") return parties.includes(uid);
  return app.world.groups.get(parties[0]!)?.members.has(uid) ?? false;
}

/** Puts new data and tags in place of the old. Users may edit only what they sent; the app may edit everything [D] S6, S24. */
export function editMessage(
  app: App,
  message: StoredMessage,
  by: string,
  change: { data?: JsonObject; tags?: string[] },
  origin: Origin,
): StoredMessage {
  checkChange(message, by);
  if (change.data) {
    const { mentions: _mentions, entities: _entities, reactions: _reactions, ...data } = { ...message.data, ...change.data };
    checkData(app, message.category, message.type, data);
    message.data = data;
    message.mentions = mentionsIn(data).filter((uid) => app.world.users.has(uid));
  }
  if (change.tags) message.tags = change.tags;
  message.editedAt = app.now();
  message.editedBy = by;
  message.updatedAt = message.editedAt;
  return announce(app, message, "edited", by, origin);
}

/** Soft by default: the message stays, without its data. */
export function deleteMessage(app: App, message: StoredMessage, by: string, permanent: boolean, origin: Origin): StoredMessage {
  checkChange(message, by);
  message.deletedAt = app.now();
  message.deletedBy = by;
  message.updatedAt = message.deletedAt;
  message.data = {};
  message.mentions = [];
  delete message.reactions;
  const action = announce(app, message, "deleted", by, origin);
  if (permanent) app.messages.remove(message);
  return action;
}

/** Once per user and reaction; the same again changes nothing. */
export function addReaction(app: App, message: StoredMessage, uid: string, reaction: string): void {
  if (message.deletedAt !== undefined || message.action) throw new CometChatError("ERR_MESSAGE_ACTION_NOT_ALLOWED");
  if ([...reaction].length > MAX_REACTION_CHARACTERS) {
    throw new CometChatError("ERR_BAD_REQUEST", undefined, {
      reaction: [`The reaction may not be greater than ${MAX_REACTION_CHARACTERS} characters.`],
    });
  }
  const reactions = (message.reactions ??= new Map());
  const by = reactions.get(reaction) ?? [];
  if (by.some((one) => one.uid === uid)) return;
  if (!reactions.has(reaction) && reactions.size >= MAX_REACTIONS) throw new CometChatError("ERR_REACTION_LIMIT_EXCEEDED");
  const added = { id: String(app.nextReactionId), uid, reactedAt: app.now() };
  app.nextReactionId += 1;
  reactions.set(reaction, [...by, added]);
  app.tell({ kind: "reaction", message, reaction: { ...added, reaction }, added: true });
}

export function removeReaction(app: App, message: StoredMessage, uid: string, reaction: string): void {
  const by = message.reactions?.get(reaction) ?? [];
  const removed = by.find((one) => one.uid === uid);
  if (!removed) throw new CometChatError("ERR_REACTION_NOT_FOUND");
  const left = by.filter((one) => one !== removed);
  if (left.length > 0) message.reactions?.set(reaction, left);
  else message.reactions?.delete(reaction);
  app.tell({ kind: "reaction", message, reaction: { ...removed, reaction }, added: false });
}

/** Notes which elements of an interactive message a user has used. Bots are not told: there is no trigger for it [D] S21. */
export function interact(app: App, message: StoredMessage, uid: string, elements: string[]): void {
  if (message.category !== "interactive") throw new CometChatError("ERR_MESSAGE_ACTION_NOT_ALLOWED");
  const interactions = (message.interactions ??= new Map());
  interactions.set(uid, [...new Set([...(interactions.get(uid) ?? []), ...elements])]);
  app.tell({ kind: "interacted", message });
}

/** The whole conversation was delivered to or read by a user: there is no REST call for one message [OBS] S32. */
export function markConversation(app: App, conversation: Conversation, uid: string, action: "delivered" | "read"): void {
  const last = conversation.messages.last;
  if (!last) return;
  const at = app.now();
  const former: Receipt = conversation.receipts.get(uid) ?? { deliveredId: 0, deliveredAt: 0, readId: 0, readAt: 0 };
  const receipt = { ...former };
  if (last.id > former.deliveredId) Object.assign(receipt, { deliveredId: last.id, deliveredAt: at });
  if (action === "read" && last.id > former.readId) Object.assign(receipt, { readId: last.id, readAt: at });
  const unread = conversation.unread.get(uid) ?? 0;
  if (receipt.deliveredId === former.deliveredId && receipt.readId === former.readId && unread === 0) return;
  conversation.receipts.set(uid, receipt);
  if (action === "read") conversation.unread.delete(uid);
  app.tell({ kind: "receipt", message: last, uid, action, at });
}

/** Marks everything in the conversation as unread by a user again. */
export function markUnread(conversation: Conversation, uid: string): void {
  let unread = 0;
  for (const message of conversation.messages.after(0)) unread += message.sender !== uid && !message.action ? 1 : 0;
  conversation.unread.set(uid, unread);
  const receipt = conversation.receipts.get(uid);
  if (receipt) conversation.receipts.set(uid, { ...receipt, readId: 0, readAt: 0 });
}

function checkChange(message: StoredMessage, by: string): void {
  if (message.deletedAt !== undefined || message.action) throw new CometChatError("ERR_MESSAGE_ACTION_NOT_ALLOWED");
  if (by !== SYSTEM_UID && by !== message.sender) throw new CometChatError("ERR_MESSAGE_NOT_A_SENDER");
}

function announce(app: App, message: StoredMessage, kind: "edited" | "deleted", by: string, origin: Origin): StoredMessage {
  const { receiver, receiverType } = message;
  // In the conversation of the message, so under its sender: `app_system` has no conversations of its own [D] S6.
  const action = sendAction(
    app,
    { sender: message.sender, receiver, receiverType },
    "message",
    { action: kind, by, on: { message } },
    origin,
  );
  app.tell({ kind, message, action });
  return action;
}
