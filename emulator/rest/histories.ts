/**
 * Lists of messages: of a 1:1 conversation, a group, a thread, or all [D] S6, S7.
 *
 * Cursors: `affix=append` goes on after `id` or `sentAt`, `prepend` goes back before it; without a cursor `append` starts
 * with the oldest and `prepend` with the newest. A page is in ascending order unless `historyOrder` says otherwise, and
 * `meta.next` is the cursor of the next page. This is how the vendor's SDK pages [SDK] S31 and what the samples agree with [INF].
 */

import type { App } from "../app.ts";
import { takesPart, visibleMessage } from "../changing.ts";
import { invalid } from "../errors.ts";
import type { MessageQueue, StoredMessage } from "../messages.ts";
import { conversationIdOf, showMessage } from "../render.ts";
import { asText, queryFlag, queryList, queryNumber } from "../validate.ts";
import { shortened, spoilt } from "./page-faults.ts";
import type { Call, Reply, Route } from "./router.ts";
import { paginate } from "./router.ts";

/** Which end of the list a page is taken from. */
type Affix = "append" | "prepend";

/** Something messages can be listed from, in either direction. */
interface Source {
  after(id: number): Iterable<StoredMessage>;
  before(id: number): Iterable<StoredMessage>;
}

export const historyRoutes: Route[] = [
  {
    method: "GET",
    path: "/users/{uid}/messages",
    operation: "listUserMessages",
    faults: "histories",
    run(call) {
      const { app, params, onBehalfOf } = call;
      const { uid } = app.world.user(params["uid"]!);
      if (onBehalfOf === undefined) return page(call, merged([...app.messages.conversationsOf(uid)].map(({ messages }) => messages)));
      return page(call, conversationSource(app, conversationIdOf(app, onBehalfOf, "user", uid)));
    },
  },
  {
    method: "GET",
    path: "/groups/{guid}/messages",
    operation: "listGroupMessages",
    faults: "histories",
    run(call) {
      const { app, params } = call;
      const { guid } = app.world.group(params["guid"]!);
      return page(call, conversationSource(app, conversationIdOf(app, "", "group", guid)));
    },
  },
  {
    method: "GET",
    path: "/messages",
    operation: "listMessages",
    faults: "histories",
    run(call) {
      const { app, query, onBehalfOf } = call;
      const conversationId = query.get("conversationId");
      if (conversationId) return page(call, conversationSource(app, conversationId));
      if (onBehalfOf === undefined) return page(call, app.messages.all);
      const conversations = [...app.messages.conversationsOf(onBehalfOf)];
      for (const conversation of app.messages.conversations.values()) {
        if (conversation.type === "group" && takesPart(app, conversation, onBehalfOf)) conversations.push(conversation);
      }
      return page(call, merged(conversations.map(({ messages }) => messages)));
    },
  },
  {
    method: "GET",
    path: "/messages/{id}/thread",
    operation: "listThreadMessages",
    faults: "histories",
    run({ app, params, query, onBehalfOf }) {
      const parent = visibleMessage(app, params["id"]!, onBehalfOf);
      const number = queryNumber(query, "page", { default: 1, minimum: 1, maximum: 1_000_000 });
      const perPage = queryNumber(query, "perPage", { default: 100, minimum: 1, maximum: 1000 });
      return paginate(parent.replies ?? [], number, perPage, (message) => showMessage(app, message, { audience: "rest", uid: onBehalfOf }));
    },
  },
];

function conversationSource(app: App, conversationId: string): Source {
  return app.messages.conversations.get(conversationId)?.messages ?? { after: () => [], before: () => [] };
}

/** Several conversations as one list: the next message is always that of the smallest (or largest) id. */
function merged(queues: MessageQueue[]): Source {
  return {
    after: (id) => merge(queues.map((queue) => queue.after(id)), (one, other) => one.id < other.id),
    before: (id) => merge(queues.map((queue) => queue.before(id)), (one, other) => one.id > other.id),
  };
}

function* merge(lists: Iterator<StoredMessage>[], first: (one: StoredMessage, other: StoredMessage) => boolean): Generator<StoredMessage> {
  const heads = lists.map((list) => list.next());
  for (;;) {
    let best = -1;
    for (const [index, head] of heads.entries()) {
      if (!head.done && (best < 0 || first(head.value, heads[best]!.value!))) best = index;
    }
    if (best < 0) return;
    yield heads[best]!.value!;
    heads[best] = lists[best]!.next();
  }
}

function page(call: Call, source: Source): Reply {
  const { app, query, onBehalfOf } = call;
  const affix = readAffix(query);
  const limit = Math.min(readLimit(query, onBehalfOf !== undefined), Math.ceil(app.settings.number("historyCap")) || Infinity);
  const cursor = readCursor(query);
  const wanted = filters(call);
  const found: StoredMessage[] = [];
  const candidates = affix === "append" ? source.after(cursor ?? -1) : source.before(cursor ?? Infinity);
  for (const message of candidates) {
    if (!wanted(message)) continue;
    found.push(message);
    if (found.length === limit) break;
  }
  const messages = shortened(call, found);
  const edge = messages.at(-1);
  // From the cursor on they are in ascending order if they are appended.
  const descending = app.settings.choice("historyOrder") === "descending";
  if (descending === (affix === "append")) messages.reverse();
  const shown = messages.map((message) => showMessage(app, message, { audience: "rest", uid: onBehalfOf }));
  return {
    data: spoilt(call, shown),
    meta: {
      current: { limit, count: messages.length },
      ...(edge && app.settings.choice("historyMeta") === "present" && { next: { affix, sentAt: edge.sentAt, id: String(edge.id) } }),
    },
  };
}

function readAffix(query: URLSearchParams): Affix {
  const affix = query.get("affix") ?? "append";
  if (affix === "append" || affix === "prepend") return affix;
  throw invalid("affix", "The selected affix is invalid.");
}

/** `perPage`, default 100, or `limit`, whose default on behalf of a user is 10 [D] S6. */
function readLimit(query: URLSearchParams, onBehalfOfUser: boolean): number {
  const range = { default: onBehalfOfUser ? 10 : 100, minimum: 1, maximum: 1000 };
  return queryNumber(query, query.has("limit") ? "limit" : "perPage", range);
}

function readCursor(query: URLSearchParams): number | undefined {
  const id = query.get("id");
  if (id === null || id === "") return undefined;
  if (/^\d{1,15}$/.test(id)) return Number(id);
  throw invalid("id", "The id must be the id of a message.");
}

/** All conditions of the query, as one. */
function filters({ app, query, onBehalfOf }: Call): (message: StoredMessage) => boolean {
  const tests: ((message: StoredMessage) => boolean)[] = [];
  const add = (test: (message: StoredMessage) => boolean) => tests.push(test);
  addTimeFilters(app, query, add);
  const categories = [...queryList(query, "categories"), ...queryList(query, "category")];
  if (categories.length > 0) add(({ category }) => categories.includes(category));
  const types = [...queryList(query, "types"), ...queryList(query, "type")];
  if (types.length > 0) add(({ type }) => types.includes(type));
  const tags = queryList(query, "tags");
  if (tags.length > 0) add((message) => tags.some((tag) => message.tags?.includes(tag)));
  const receiverType = query.get("receiverType");
  if (receiverType) add((message) => message.receiverType === receiverType);
  const sender = query.get("sender")?.toLowerCase();
  if (sender) add((message) => message.sender === sender);
  const searchKey = query.get("searchKey")?.toLowerCase();
  if (searchKey) add(({ data }) => asText(data["text"]).toLowerCase().includes(searchKey));
  if (queryFlag(query, "hideReplies")) add(({ parentId }) => parentId === undefined);
  if (queryFlag(query, "hideDeleted")) add(({ deletedAt }) => deletedAt === undefined);
  if (queryFlag(query, "onlyDeleted")) add(({ deletedAt }) => deletedAt !== undefined);
  if (queryFlag(query, "hasAttachments")) add(({ data }) => Array.isArray(data["attachments"]) && data["attachments"].length > 0);
  if (queryFlag(query, "hasMentions")) add(({ mentions }) => mentions.length > 0);
  if (queryFlag(query, "hasReactions")) add(({ reactions }) => (reactions?.size ?? 0) > 0);
  if (queryFlag(query, "hasLinks")) add(({ data }) => /https?:\/\//.test(asText(data["text"])));
  if (queryFlag(query, "myMentionsOnly") && onBehalfOf) add(({ mentions }) => mentions.includes(onBehalfOf));
  for (const [flag, key] of [["unread", "readId"], ["undelivered", "deliveredId"]] as const) {
    if (!queryFlag(query, flag) || !onBehalfOf) continue;
    add((message) => message.sender !== onBehalfOf && message.id > (message.conversation.receipts.get(onBehalfOf)?.[key] ?? 0));
  }
  return (message) => tests.every((test) => test(message));
}

function addTimeFilters(app: App, query: URLSearchParams, add: (test: (message: StoredMessage) => boolean) => void): void {
  const inclusive = app.settings.choice("timestampBounds") === "inclusive" ? 0 : 1;
  const range = { default: -1, minimum: 0, maximum: Number.MAX_SAFE_INTEGER };
  const from = queryNumber(query, "fromTimestamp", range);
  if (from >= 0) add(({ sentAt }) => sentAt >= from + inclusive);
  const to = queryNumber(query, "toTimestamp", range);
  if (to >= 0) add(({ sentAt }) => sentAt <= to - inclusive);
  const sentAt = queryNumber(query, "sentAt", range);
  const prepend = query.get("affix") === "prepend";
  if (sentAt >= 0 && !query.has("id")) add((message) => (prepend ? message.sentAt <= sentAt : message.sentAt >= sentAt));
}
