/** How stored things look from outside: the shapes of the REST API, of callbacks and of the emulator's own routes. */

import type { ConversationSummary } from "./api.ts";
import type { App } from "./app.ts";
import type { Bot, Entity, Group, JsonObject, Member, Message, MessageData, User } from "./cometchat.ts";
import type { Conversation, StoredMessage } from "./messages.ts";
import type { BotRecord, GroupRecord, UserRecord } from "./world.ts";
import { groupConversationId, SYSTEM_UID, userConversationId } from "./world.ts";

/** Digits of an id, where the switch `longIds` is on. */
const LONG_ID = 200_000;

/** Whom a message is shown to. */
export interface View {
  /** `rest`: answers and histories. `callback`: callbacks and webhook events. `own`: the emulator's routes, which hide nothing. */
  audience: "rest" | "callback" | "own";
  /** On whose behalf: decides `reactedByMe`, and whose receipts are shown. */
  uid?: string | undefined;
}

/** A user as `GET /users/{uid}` answers it. */
export function showUser(user: UserRecord): User {
  const { serial: _serial, authTokens: _authTokens, blocked: _blocked, ...shown } = user;
  return shown;
}

/** A bot as the API answers it: properties that are empty or false are left out, the password is in clear [D] S8. */
export function showBot(bot: BotRecord): Bot {
  return {
    uid: bot.uid,
    webhookURL: bot.webhookURL,
    groupChatSetting: bot.groupChatSetting,
    ...(bot.useBasicAuth && { useBasicAuth: true }),
    ...(bot.username && { username: bot.username }),
    ...(bot.password && { password: bot.password }),
    ...(bot.enabled && { enabled: true }),
    createdAt: bot.createdAt,
    ...(bot.updatedAt !== undefined && { updatedAt: bot.updatedAt }),
  };
}

/** A group as `uid` sees it; without a UID as the app sees it. */
export function showGroup(group: GroupRecord, uid?: string): Group {
  const { members, banned: _banned, password: _password, createdAt, updatedAt, ...rest } = group;
  const member = uid === undefined ? undefined : members.get(uid);
  return {
    ...rest,
    ...(member && { scope: member.scope }),
    membersCount: members.size,
    ...(member && { joinedAt: member.joinedAt }),
    conversationId: groupConversationId(group.guid),
    ...(uid !== undefined && { hasJoined: member !== undefined }),
    createdAt,
    ...(updatedAt !== undefined && { updatedAt }),
  };
}

/** The members of a group, by the order in which they joined. */
export function showMembers(app: App, group: GroupRecord): Member[] {
  const members: Member[] = [];
  for (const [uid, { scope, joinedAt }] of group.members) {
    const user = app.world.users.get(uid);
    if (user) members.push({ ...showUser(user), scope, joinedAt });
  }
  return members;
}

/** A message in full. */
export function showMessage(app: App, message: StoredMessage, view: View): Message {
  const settings = app.settings;
  const callback = view.audience === "callback";
  const withMuid =
    view.audience === "own" || settings.choice(callback ? "callbackMuid" : "restMuid") === "present";
  const withParent = !callback || settings.choice("callbackParentId") === "present";
  const { parentId, replies } = message;
  const id = String(message.id);
  return {
    id: view.audience === "rest" && settings.flag("longIds") ? id.padEnd(LONG_ID, "0") : id,
    ...(withMuid && message.muid !== undefined && { muid: message.muid }),
    conversationId: message.conversation.id,
    sender: message.sender,
    receiverType: message.receiverType,
    receiver: message.receiver,
    category: message.category,
    type: message.type,
    ...(withParent && parentId !== undefined && { parentId: String(parentId) }),
    ...(replies?.length && !callback && { replyCount: replies.length }),
    data: showData(app, message, view),
    ...(message.tags && { tags: message.tags }),
    sentAt: message.sentAt,
    ...showReceipts(message, view),
    ...(message.editedAt !== undefined && { editedAt: message.editedAt }),
    ...(message.editedBy !== undefined && { editedBy: message.editedBy }),
    ...(message.deletedAt !== undefined && { deletedAt: message.deletedAt }),
    ...(message.deletedBy !== undefined && { deletedBy: message.deletedBy }),
    updatedAt: message.updatedAt,
  };
}

/** A line of a list of conversations, as the emulator's routes show it. */
export function showConversation(app: App, conversation: Conversation): ConversationSummary | undefined {
  const { id, type, parties, messages, unread } = conversation;
  const last = messages.last;
  if (!last) return undefined;
  const [first = "", second = first] = parties;
  return {
    conversationId: id,
    conversationType: type,
    ...(type === "group" ? { guid: first } : { uids: [first, second] }),
    messageCount: messages.length,
    lastMessage: showMessage(app, last, { audience: "own" }),
    unread: Object.fromEntries([...unread].filter(([, count]) => count > 0)),
  };
}

function showData(app: App, message: StoredMessage, view: View): MessageData {
  if (message.action) return showAction(app, message, view);
  const { data, reactions } = message;
  const mentions = view.audience === "callback" && app.settings.choice("callbackMentions") === "absent" ? [] : message.mentions;
  return {
    ...(data as MessageData),
    ...(mentions.length > 0 && { mentions: showMentions(app, mentions) }),
    ...(reactions?.size && {
      reactions: [...reactions].map(([reaction, by]) => ({
        reaction,
        count: by.length,
        reactedByMe: by.some(({ uid }) => uid === view.uid),
      })),
    }),
    entities: {
      sender: userEntity(app, message.sender, view),
      receiver: receiverEntity(app, message, view),
    },
  };
}

/** What edits, deletes and changes of membership look like as messages [D] S6, S7. */
function showAction(app: App, message: StoredMessage, view: View): MessageData {
  const { action, by, on, extras } = message.action!;
  return {
    action,
    entities: {
      by: userEntity(app, by, view),
      for: receiverEntity(app, message, view),
      on: "user" in on ? userEntity(app, on.user, view) : messageEntity(app, on.message, view),
    },
    ...(extras && { extras }),
  };
}

function messageEntity(app: App, message: StoredMessage, view: View): Entity {
  return { entity: showMessage(app, message, view) as unknown as JsonObject, entityType: "message" };
}

function receiverEntity(app: App, message: StoredMessage, view: View): Entity {
  if (message.receiverType === "user") {
    const { entity } = userEntity(app, message.receiver, view);
    return { entity: { ...entity, conversationId: message.conversation.id }, entityType: "user" };
  }
  const group = app.world.groups.get(message.receiver);
  if (!group) return { entity: { guid: message.receiver, conversationId: message.conversation.id }, entityType: "group" };
  let online = 0;
  for (const uid of group.members.keys()) online += app.world.users.get(uid)?.status === "available" ? 1 : 0;
  const entity = { ...showGroup(group, message.sender), onlineMembersCount: online };
  return { entity: entity as unknown as JsonObject, entityType: "group" };
}

/** The keys differ: a callback tells when a user was last active, a REST answer when it was created [D-old] S17, [D] S6. */
function userEntity(app: App, uid: string, view: View): Entity {
  const user = app.world.users.get(uid);
  if (!user) return { entity: { uid, name: uid === SYSTEM_UID ? "System" : uid, status: "offline", role: "default" }, entityType: "user" };
  const entity: JsonObject = {
    uid,
    name: user.name,
    ...(user.avatar && { avatar: user.avatar }),
    status: user.status,
    role: user.role,
  };
  if (view.audience !== "callback") entity["createdAt"] = user.createdAt;
  else if (user.lastActiveAt !== undefined) entity["lastActiveAt"] = user.lastActiveAt;
  return { entity, entityType: "user" };
}

function showMentions(app: App, mentions: string[]): Record<string, JsonObject> {
  const shown: Record<string, JsonObject> = {};
  for (const uid of mentions) {
    const user = app.world.users.get(uid);
    if (user) shown[uid] = { uid, name: user.name, ...(user.avatar && { avatar: user.avatar }), role: user.role, status: user.status };
  }
  return shown;
}

/** Of a 1:1 message: when the receiver got and read it. */
function showReceipts(message: StoredMessage, view: View): { deliveredAt?: number; readAt?: number } {
  if (view.audience === "callback" || message.receiverType === "group") return {};
  const receipt = message.conversation.receipts.get(message.receiver);
  if (!receipt) return {};
  return {
    ...(receipt.deliveredId >= message.id && { deliveredAt: receipt.deliveredAt }),
    ...(receipt.readId >= message.id && { readAt: receipt.readAt }),
  };
}

/** The conversation of two users, whether or not a message exists. */
export function conversationIdOf(app: App, sender: string, receiverType: "user" | "group", receiver: string): string {
  return receiverType === "group" ? groupConversationId(receiver) : userConversationId(app.world, sender, receiver);
}
