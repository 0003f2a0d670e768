/** The emulator's own routes, as `../api.ts` describes them. */

import type { IncomingMessage, ServerResponse } from "node:http";

import type {
  CallbackCheck,
  EditAsPerson,
  ExchangesQuery,
  FixtureRequest,
  InteractAsPerson,
  MessagesQuery,
  RawCallback,
  ReadAsPerson,
  ReplayRequest,
  SendAsPerson,
  SettingsChange,
} from "../api.ts";
import type { App } from "../app.ts";
import { addressOf } from "../callbacks.ts";
import { addReaction, removeReaction, visibleMessage } from "../changing.ts";
import type { JsonObject, Message } from "../cometchat.ts";
import type { Delivery, Deliveries } from "../deliveries.ts";
import { CometChatError, invalid } from "../errors.ts";
import type { StoredMessage } from "../messages.ts";
import { checkOrigin } from "../origin.ts";
import { deleteAsPerson, editAsPerson, interactAsPerson, readAsPerson, sendAsPerson } from "../people.ts";
import { showMessage } from "../render.ts";
import { readBody } from "../rest/handler.ts";
import { descriptors, SettingError } from "../settings.ts";
import { showMessages, showState } from "../state.ts";
import { asText, isObject, oneOf, parseBody, queryNumber } from "../validate.ts";
import { EventStream } from "./events.ts";
import { messageOf, recordFixture, replay, triggerOf } from "./fixtures.ts";

/** Fixtures are the largest bodies. */
const MAX_BODY = 32 * 1024 * 1024;

/** A request that was read and is allowed. */
interface OwnCall {
  query: URLSearchParams;
  body: JsonObject;
  /** What stands in the path for its variable parts. */
  parts: string[];
}

type Handler = (call: OwnCall) => unknown;

export class OwnRoutes {
  readonly #app: App;
  readonly #deliveries: Deliveries;
  readonly #events: EventStream;
  readonly #apiUrl: () => string;
  readonly #loopback: boolean;
  readonly #routes: [method: string, path: RegExp, Handler][];

  constructor(app: App, deliveries: Deliveries, options: { apiUrl: () => string; loopback: boolean }) {
    this.#app = app;
    this.#deliveries = deliveries;
    this.#apiUrl = options.apiUrl;
    this.#loopback = options.loopback;
    this.#events = new EventStream(app, deliveries);
    this.#routes = [
      ["GET", /^state$/, () => this.#state()],
      ["GET", /^messages$/, ({ query }) => showMessages(app, readMessagesQuery(query))],
      ["POST", /^messages$/, ({ body }) => this.#show(sendAsPerson(app, body as unknown as SendAsPerson), body["sender"])],
      ["PUT", /^messages\/([^/]+)$/, ({ body, parts: [id] }) => this.#show(editAsPerson(app, id!, body as unknown as EditAsPerson), body["person"])],
      ["DELETE", /^messages\/([^/]+)$/, ({ query, parts: [id] }) => this.#show(deleteAsPerson(app, id!, person(query)), person(query))],
      ["POST", /^messages\/([^/]+)\/reactions\/([^/]+)$/, (call) => this.#react(call, addReaction)],
      ["DELETE", /^messages\/([^/]+)\/reactions\/([^/]+)$/, (call) => this.#react(call, removeReaction)],
      ["POST", /^messages\/([^/]+)\/interactions$/, ({ body, parts: [id] }) => interactAsPerson(app, deliveries, id!, body as unknown as InteractAsPerson)],
      ["POST", /^read$/, ({ body }) => (readAsPerson(app, body as unknown as ReadAsPerson), {})],
      ["GET", /^exchanges$/, ({ query }) => app.exchanges.list(readExchangesQuery(query))],
      ["GET", /^settings$/, () => app.settings.show()],
      ["PUT", /^settings$/, ({ body }) => this.#changeSettings(body)],
      ["POST", /^reset$/, ({ body }) => (app.reset(body["settings"] !== false), this.#state())],
      ["POST", /^fixtures$/, ({ body }) => recordFixture(app, body as unknown as FixtureRequest)],
      ["POST", /^replay$/, ({ body }) => replay(app, deliveries, body as unknown as ReplayRequest)],
      ["POST", /^callback-check$/, ({ body }) => this.#checkCallback(body)],
      ["POST", /^callbacks$/, ({ body }) => postRawCallback(app, deliveries, body as unknown as RawCallback)],
    ];
  }

  close(): void {
    this.#events.close();
  }

  async handle(incoming: IncomingMessage, outgoing: ServerResponse): Promise<void> {
    try {
      checkOrigin(incoming, this.#loopback);
      const url = new URL(incoming.url ?? "/", "http://emulator");
      const path = url.pathname.slice("/emulator/".length);
      if (path === "events" && incoming.method === "GET") return this.#events.handle(incoming, outgoing);
      const [handler, parts] = this.#find(incoming.method ?? "GET", path);
      const body = parseBody(await this.#read(incoming));
      write(outgoing, 200, await handler({ query: url.searchParams, body, parts }));
    } catch (error) {
      this.#writeError(outgoing, error);
    }
  }

  #find(method: string, path: string): [Handler, string[]] {
    for (const [candidate, pattern, handler] of this.#routes) {
      const match = candidate === method ? pattern.exec(path) : null;
      if (match) return [handler, match.slice(1).map(decode)];
    }
    throw new CometChatError("ERR_API_NOT_FOUND");
  }

  async #read(incoming: IncomingMessage): Promise<string> {
    const text = await readBody(incoming, MAX_BODY);
    if (text === undefined) throw new CometChatError("ERR_BAD_REQUEST", `The body may not be greater than ${MAX_BODY} bytes.`);
    if (text !== "" && !/^application\/json\b/i.test(incoming.headers["content-type"] ?? "")) {
      throw new CometChatError("ERR_BAD_REQUEST", "The body must be sent as Content-Type: application/json.");
    }
    return text;
  }

  #writeError(outgoing: ServerResponse, error: unknown): void {
    if (error instanceof SettingError) return this.#writeError(outgoing, new CometChatError("ERR_BAD_REQUEST", error.message));
    if (error instanceof CometChatError) return write(outgoing, error.status("likely"), error.body());
    if (outgoing.destroyed) return;
    console.error("The emulator has a bug:", error);
    write(outgoing, 500, new CometChatError("ERR_EXCEPTION").body());
  }

  #state(): unknown {
    return showState(this.#app, this.#deliveries, this.#apiUrl());
  }

  #show(message: StoredMessage, uid: unknown): Message {
    return showMessage(this.#app, message, { audience: "own", uid: asText(uid) });
  }

  #react({ query, parts: [id, reaction] }: OwnCall, change: typeof addReaction): Message {
    const { uid } = this.#app.world.user(person(query));
    const message = visibleMessage(this.#app, id!, uid);
    change(this.#app, message, uid, reaction!);
    return this.#show(message, uid);
  }

  #changeSettings(body: JsonObject): unknown {
    this.#app.settings.change(readChange(body));
    this.#app.tell({ kind: "settings" });
    return this.#app.settings.show();
  }

  async #checkCallback(body: JsonObject): Promise<CallbackCheck> {
    const bot = this.#app.world.bot(asText(body["bot"]));
    const started = Date.now();
    const health = await this.#deliveries.check(bot.uid, bot.webhookURL);
    return { bot: bot.uid, url: bot.webhookURL, ...health, ms: Date.now() - started };
  }
}

/** Posts a body of one's own to a bot. */
export function postRawCallback(app: App, deliveries: Deliveries, { bot, body, headers }: RawCallback): ReturnType<Deliveries["now"]> {
  const record = app.world.bot(asText(bot));
  if (body === undefined) throw invalid("body", "The body field is required.");
  if (headers !== undefined && (!isObject(headers) || !Object.entries(headers).every(([name, value]) => isHeader(name, value)))) {
    throw invalid("headers", "The headers must be an object of names and texts.");
  }
  const delivery: Delivery = {
    to: { bot: record.uid },
    ...addressOf(record),
    trigger: triggerOf(body),
    ...messageOf(body),
    cause: "raw",
    lane: "",
    identity: [],
    body: typeof body === "string" ? body : JSON.stringify(body),
    ...(headers && { headers }),
  };
  return deliveries.now(delivery);
}

function isHeader(name: string, value: unknown): boolean {
  return /^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/.test(name) && typeof value === "string" && /^[\t\x20-\x7e]*$/.test(value);
}

function readMessagesQuery(query: URLSearchParams): MessagesQuery {
  const { limit: _limit, ...texts } = Object.fromEntries(query);
  return { ...(texts as MessagesQuery), limit: queryNumber(query, "limit", { default: 50, minimum: 1, maximum: 500 }) };
}

function readExchangesQuery(query: URLSearchParams): ExchangesQuery {
  const kind = oneOf(Object.fromEntries(query), "kind", ["callback", "rest"] as const);
  const messageId = query.get("messageId");
  const conversationId = query.get("conversationId");
  const before = queryNumber(query, "before", { default: 0, minimum: 0, maximum: Number.MAX_SAFE_INTEGER });
  return {
    ...(messageId && { messageId }),
    ...(conversationId && { conversationId }),
    ...(kind && { kind }),
    ...(before > 0 && { before }),
    limit: queryNumber(query, "limit", { default: 100, minimum: 1, maximum: 500 }),
  };
}

function person(query: URLSearchParams): string {
  const uid = query.get("person");
  if (!uid) throw invalid("person", "The person field is required.");
  return uid;
}

function decode(part: string): string {
  try {
    return decodeURIComponent(part);
  } catch {
    throw new CometChatError("ERR_API_NOT_FOUND");
  }
}

function write(outgoing: ServerResponse, status: number, value: unknown): void {
  if (outgoing.destroyed) return;
  const body = JSON.stringify(value);
  outgoing.writeHead(status, {
    "Content-Type": "application/json",
    "Content-Length": Buffer.byteLength(body),
    "Cache-Control": "no-store",
    "X-Content-Type-Options": "nosniff",
  });
  outgoing.end(body);
}

/** What `PUT /emulator/settings` was sent. Only its form is checked here: a slip in it would change nothing, and be answered with 200. @throws SettingError */
function readChange(body: JsonObject): SettingsChange {
  const form = 'The body is {"values": {NAME: VALUE, …}}, beside or instead of values also seed, rateLimit and webhooks';
  const names = Object.keys(body);
  if (names.length === 0) throw new SettingError(`${form}; not empty.`);
  for (const name of names) {
    if (descriptors().some((descriptor) => descriptor.name === name)) throw new SettingError(`${form}; ${name} belongs under values.`);
    if (!["values", "seed", "rateLimit", "webhooks"].includes(name)) throw new SettingError(`${form}; not ${JSON.stringify(name)}.`);
    if (body[name] === null) throw new SettingError(`${form}; ${name} may not be null.`);
  }
  const { values = {}, rateLimit = {} } = body;
  if (!isObject(values) || !isObject(rateLimit)) throw new SettingError(`${form}; values and rateLimit are objects.`);
  const limit = Object.keys(rateLimit).find((kind) => kind !== "core" && kind !== "standard");
  if (limit !== undefined) throw new SettingError(`rateLimit has core and standard, not ${JSON.stringify(limit)}.`);
  return body;
}
