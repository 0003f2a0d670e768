/** Conversations, and marking them read and delivered [D] S6, S7, S41. Every call but the list is on behalf of a user. */

import type { App } from "../app.ts";
import { markConversation, markUnread, takesPart } from "../changing.ts";
import type { ReceiverType } from "../cometchat.ts";
import { CometChatError, invalid } from "../errors.ts";
import type { Conversation } from "../messages.ts";
import { conversationIdOf, showGroup, showMessage, showUser } from "../render.ts";
import { optionalTags, queryFlag, queryNumber } from "../validate.ts";
import type { Call, Reply, Route } from "./router.ts";
import { paginate } from "./router.ts";

export const conversationRoutes: Route[] = [
  {
    method: "GET",
    path: "/conversations",
    operation: "listConversations",
    run({ app, query, onBehalfOf }) {
      const page = queryNumber(query, "page", { default: 1, minimum: 1, maximum: 1_000_000 });
      const perPage = queryNumber(query, "perPage", { default: 50, minimum: 1, maximum: 1000 });
      const type = query.get("conversationType");
      const unread = queryFlag(query, "unread");
      const found = conversationsOf(app, onBehalfOf).filter(
        (conversation) => (!type || conversation.type === type) && (!unread || (conversation.unread.get(onBehalfOf ?? "") ?? 0) > 0),
      );
      return paginate(found, page, perPage, (conversation) => show(app, conversation, onBehalfOf));
    },
  },
  ...both("GET", "/conversation", "getConversation", (call, conversation) => ({ data: show(call.app, conversation, call.onBehalfOf!) })),
  ...both("PUT", "/conversation", "updateConversation", (call, conversation) => {
    const tags = optionalTags(call.body);
    if (!tags) throw invalid("tags", "The tags field is required.");
    conversation.tags = tags;
    return { data: show(call.app, conversation, call.onBehalfOf!) };
  }),
  ...both("DELETE", "/conversation", "resetConversation", (call, conversation) => {
    call.app.messages.removeConversation(conversation);
    call.app.tell({ kind: "world" });
    const message = `The conversation ${conversation.id} has been deleted successfully for UID ${call.onBehalfOf}.`;
    return { data: { success: true, message } };
  }),
  ...both("POST", "/conversation/read", "markRead", (call, conversation) => mark(call, conversation, "read")),
  ...both("POST", "/conversation/delivered", "markDelivered", (call, conversation) => mark(call, conversation, "delivered")),
  ...both("DELETE", "/conversation/read", "markUnread", (call, conversation) => {
    markUnread(conversation, call.onBehalfOf!);
    return { data: { success: true, ...marked(conversation.type, `The conversation ${conversation.id} is marked as unread.`) } };
  }),
];

/** The same endpoint under a user and under a group. */
function both(
  method: Route["method"],
  path: string,
  operation: string,
  run: (call: Call, conversation: Conversation) => Reply,
): Route[] {
  return (["user", "group"] as const).map((type) => ({
    method,
    path: type === "user" ? `/users/{peer}${path}` : `/groups/{peer}${path}`,
    operation,
    requiresOnBehalfOf: true,
    run: (call) => run(call, find(call, type)),
  }));
}

/** Not accessible while no message exists, too [D] S41. */
function find({ app, params, onBehalfOf }: Call, type: ReceiverType): Conversation {
  const peer = type === "user" ? app.world.user(params["peer"]!).uid : app.world.group(params["peer"]!).guid;
  const conversation = app.messages.conversations.get(conversationIdOf(app, onBehalfOf!, type, peer));
  if (conversation && takesPart(app, conversation, onBehalfOf!)) return conversation;
  throw new CometChatError("ERR_CONVERSATION_NOT_ACCESSIBLE");
}

/** Those of a user, or all. The latest first. */
function conversationsOf(app: App, uid: string | undefined): Conversation[] {
  const all = [...app.messages.conversations.values()];
  const mine = uid === undefined ? all : all.filter((conversation) => takesPart(app, conversation, uid));
  return mine.sort((one, other) => (other.messages.last?.id ?? 0) - (one.messages.last?.id ?? 0));
}

function mark(call: Call, conversation: Conversation, action: "read" | "delivered"): Reply {
  const { app, params, onBehalfOf } = call;
  markConversation(app, conversation, onBehalfOf!, action);
  const from = conversation.type === "user" ? `from the user ${params["peer"]}` : `in group ${params["peer"]}`;
  return { data: { success: true, ...marked(conversation.type, `All the messages ${from} are marked as ${action} for the user ${onBehalfOf}.`) } };
}

/** The samples write `Message` for users and `message` for groups [D] S6. */
function marked(type: ReceiverType, text: string): object {
  return type === "user" ? { Message: text } : { message: text };
}

/** `unreadMessageCount` is a string in every sample [D] S6. */
function show(app: App, conversation: Conversation, uid: string | undefined): object {
  const { id, type, parties, messages, unread, tags, createdAt } = conversation;
  const last = messages.last;
  const peer = parties.find((party) => party !== uid) ?? parties[0]!;
  const user = app.world.users.get(peer);
  const group = app.world.groups.get(peer);
  return {
    conversationId: id,
    conversationType: type,
    unreadMessageCount: String(unread.get(uid ?? "") ?? 0),
    createdAt,
    updatedAt: last?.updatedAt ?? createdAt,
    ...(tags && { tags }),
    ...(last && { lastMessage: showMessage(app, last, { audience: "rest", uid }) }),
    conversationWith: type === "group" ? group && showGroup(group, uid) : user && { ...showUser(user), conversationId: id },
  };
}
