/** Recording a conversation as a fixture, and replaying one. */

import type { CallbackExchange, Fixture, FixtureRequest, Message, ReplayRequest, ReplayResult } from "../api.ts";
import type { App } from "../app.ts";
import { addressOf } from "../callbacks.ts";
import type { Json } from "../cometchat.ts";
import type { Deliveries } from "../deliveries.ts";
import { CometChatError, invalid } from "../errors.ts";
import { sendAsPerson } from "../people.ts";
import { showMessage } from "../render.ts";
import { asText, isObject } from "../validate.ts";

/** Callbacks or messages of one replay. */
const MAX_REPLAYED = 10_000;

export function recordFixture(app: App, { conversationId, name }: FixtureRequest): Fixture {
  const conversation = app.messages.conversations.get(asText(conversationId));
  if (!conversation) throw new CometChatError("ERR_CONVERSATION_NOT_ACCESSIBLE");
  const { exchanges } = app.exchanges.list({ conversationId: conversation.id, kind: "callback", limit: MAX_REPLAYED });
  const firsts = exchanges.filter((exchange): exchange is CallbackExchange & { bot: string } => {
    return exchange.kind === "callback" && exchange.cause === "message" && exchange.bot !== undefined;
  });
  const start = firsts[0]?.at ?? 0;
  return {
    version: 1,
    name: typeof name === "string" && name !== "" ? name : conversation.id,
    appId: app.identity.appId,
    region: app.identity.region,
    conversationId: conversation.id,
    callbacks: firsts.map(({ bot, at, request }) => ({ bot, afterMs: at - start, body: request.body as Json })),
    messages: [...conversation.messages.after(-1)].map((message) => showMessage(app, message, { audience: "own" })),
  };
}

/** @throws CometChatError when something that is not a fixture is given, or a bot or person of it does not exist */
export async function replay(app: App, deliveries: Deliveries, request: ReplayRequest): Promise<ReplayResult> {
  const { fixture, mode = "messages", bot } = request;
  if (!isFixture(fixture)) {
    throw invalid("fixture", "The fixture must be one that POST /emulator/fixtures has answered, of version 1.");
  }
  if (mode === "callbacks") return replayCallbacks(app, deliveries, fixture, bot);
  if (mode === "messages") return replayMessages(app, deliveries, fixture, bot);
  throw invalid("mode", "The mode must be messages or callbacks.");
}

function isFixture(value: unknown): value is Fixture {
  if (!isObject(value) || value["version"] !== 1) return false;
  const { callbacks, messages } = value;
  if (!Array.isArray(callbacks) || !Array.isArray(messages)) return false;
  return callbacks.every((callback) => isObject(callback) && "body" in callback) && messages.every((message) => isObject(message) && isObject(message["data"]));
}

async function replayCallbacks(app: App, deliveries: Deliveries, fixture: Fixture, bot: string | undefined): Promise<ReplayResult> {
  const messageIds: string[] = [];
  for (const callback of fixture.callbacks.slice(0, MAX_REPLAYED)) {
    const record = app.world.bot(asText(bot ?? callback.bot));
    const about = messageOf(callback.body);
    await deliveries.now({
      to: { bot: record.uid },
      ...addressOf(record),
      trigger: triggerOf(callback.body),
      ...about,
      cause: "replay",
      lane: "",
      identity: [],
      body: JSON.stringify(callback.body),
    });
    if (about.messageId !== undefined) messageIds.push(about.messageId);
  }
  return { messageIds };
}

/** Says again what people said. What bots said, and what was done to messages, is not repeated: that is up to the bots. */
async function replayMessages(app: App, deliveries: Deliveries, fixture: Fixture, bot: string | undefined): Promise<ReplayResult> {
  const recordedBots = new Set(fixture.callbacks.map((callback) => callback.bot));
  const newIds = new Map<string, string>();
  for (const message of fixture.messages.slice(0, MAX_REPLAYED)) {
    if (!isPersonal(app, message, recordedBots)) continue;
    const { entities: _entities, mentions: _mentions, reactions: _reactions, resource: _resource, ...data } = message.data;
    const parentId = message.parentId === undefined ? undefined : newIds.get(message.parentId);
    const again = sendAsPerson(app, {
      sender: message.sender,
      receiver: bot !== undefined && recordedBots.has(message.receiver) ? bot : message.receiver,
      receiverType: message.receiverType,
      category: message.category,
      type: message.type,
      data: data as Record<string, Json>,
      ...(message.tags && { tags: message.tags }),
      ...(parentId !== undefined && { parentId }),
    });
    newIds.set(message.id, String(again.id));
    await deliveries.idle();
  }
  return { messageIds: [...newIds.values()] };
}

function isPersonal(app: App, message: Message, bots: Set<string>): boolean {
  const spoken = ["message", "custom", "interactive"].includes(message.category) && message.deletedAt === undefined;
  return spoken && !bots.has(message.sender) && !app.world.bots.has(message.sender);
}

/** Which message a callback's body is about, in either envelope. */
export function messageOf(body: Json): { messageId?: string; conversationId?: string } {
  const data = isObject(body) && isObject(body["data"]) ? body["data"] : {};
  const message = isObject(data["message"]) ? data["message"] : data;
  const { id, conversationId } = message;
  return {
    ...((typeof id === "string" || typeof id === "number") && { messageId: String(id) }),
    ...(typeof conversationId === "string" && { conversationId }),
  };
}

export function triggerOf(body: Json): string {
  return isObject(body) && typeof body["trigger"] === "string" ? body["trigger"] : "";
}
