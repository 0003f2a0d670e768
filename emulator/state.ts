/** Views over the whole of an emulator: what the chat page draws and tests look at. */

import type { MessagesPage, MessagesQuery, State } from "./api.ts";
import type { App } from "./app.ts";
import type { Deliveries } from "./deliveries.ts";
import { CometChatError, invalid } from "./errors.ts";
import type { StoredMessage } from "./messages.ts";
import { findConversation } from "./people.ts";
import { showBot, showConversation, showGroup, showMembers, showMessage, showUser } from "./render.ts";
import { messageId } from "./validate.ts";

/** Conversations in a state. A page does not draw more, and each carries its last message. */
const MAX_SUMMARIES = 1000;

export function showState(app: App, deliveries: Deliveries, apiUrl: string): State {
  const { world, messages, exchanges, settings } = app;
  const newest = [...messages.conversations.values()]
    .sort((one, other) => (other.messages.last?.id ?? 0) - (one.messages.last?.id ?? 0))
    .slice(0, MAX_SUMMARIES);
  const people = [...world.users.values()].filter(({ uid, deactivatedAt }) => !world.bots.has(uid) && deactivatedAt === undefined);
  return {
    appId: app.identity.appId,
    region: app.identity.region,
    apiKey: app.identity.apiKey,
    apiUrl,
    seed: settings.seed,
    people: people.sort((one, other) => one.name.localeCompare(other.name)).map(showUser),
    bots: [...world.bots.values()].map((bot) => {
      const shown = showBot(bot);
      return {
        user: showUser(world.users.get(bot.uid)!),
        bot: shown.password ? { ...shown, password: "…" } : shown,
        callback: deliveries.health(bot.uid),
      };
    }),
    groups: [...world.groups.values()].map((group) => ({ group: showGroup(group), members: showMembers(app, group) })),
    conversations: newest.map((conversation) => showConversation(app, conversation)).filter((shown) => shown !== undefined),
    settings: settings.show(),
    counts: {
      conversations: messages.conversations.size,
      messages: messages.all.length,
      maxMessages: messages.limit,
      messagesDropped: messages.dropped,
      exchanges: exchanges.size,
      maxExchanges: exchanges.limit,
      exchangesDropped: exchanges.dropped,
      callbacksPending: deliveries.pending,
    },
  };
}

/** A page of a conversation or of a thread, with nothing hidden. */
export function showMessages(app: App, query: MessagesQuery): MessagesPage {
  const { conversationId, person, receiver, receiverType, parentId, before, limit = 50 } = query;
  if (!Number.isInteger(limit) || limit < 1 || limit > 500) throw invalid("limit", "The limit must be a whole number from 1 to 500.");
  const view = { audience: "own", uid: person } as const;
  const end = before === undefined ? Infinity : messageId(before);
  const found: StoredMessage[] = [];
  let id = conversationId;
  if (parentId !== undefined) {
    const parent = app.messages.get(messageId(parentId));
    if (!parent) throw new CometChatError("ERR_MESSAGE_ID_NOT_FOUND");
    id = parent.conversation.id;
    found.push(...(parent.replies ?? []).filter((reply) => reply.id < end).slice(-limit - 1));
  } else {
    if (id === undefined && (person === undefined || receiver === undefined)) {
      throw invalid("conversationId", "Give conversationId, or person, receiver and receiverType.");
    }
    const conversation = id === undefined ? findConversation(app, person!, receiverType, receiver!) : app.messages.conversations.get(id);
    id = conversation?.id;
    for (const message of conversation?.messages.before(end) ?? []) {
      if (message.parentId === undefined) found.unshift(message);
      if (found.length > limit) break;
    }
  }
  const more = found.length > limit;
  if (more) found.shift();
  const oldest = found[0];
  return {
    ...(id !== undefined && { conversationId: id }),
    messages: found.map((message) => showMessage(app, message, view)),
    ...(more && oldest && { before: String(oldest.id) }),
  };
}
