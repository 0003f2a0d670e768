/** The log of callbacks and REST calls, within bounds of number and size. What the inspector and tests look at. */

import type { CallbackExchange, Exchange, ExchangesPage, ExchangesQuery, HttpRecord, RestExchange } from "./api.ts";

/** Bodies longer than this are cut in the log. */
const MAX_BODY = 64 * 1024;

/** Bytes of all bodies together, roughly. */
const MAX_TOTAL = 64 * 1024 * 1024;

/** A finished or unfinished line of the log. */
interface Entry {
  exchange: Exchange;
  size: number;
}

export class ExchangeLog {
  readonly limit: number;
  dropped = 0;
  #entries: Entry[] = [];
  #byMessage = new Map<string, Set<Exchange>>();
  #nextId = 1;
  #size = 0;
  #listeners = new Set<(exchange: Exchange) => void>();
  /** By bot and conversation: the message that was delivered to the bot last, for REST calls that do not tell. */
  #delivered = new Map<string, string>();

  constructor(limit: number) {
    this.limit = limit;
  }

  get size(): number {
    return this.#entries.length;
  }

  /** Called with every exchange when it begins and when it has ended. Returns the way to stop. */
  listen(listener: (exchange: Exchange) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** The exchange itself is kept: `update` changes it in place. */
  add(exchange: Omit<CallbackExchange, "id">): CallbackExchange;
  add(exchange: Omit<RestExchange, "id">): RestExchange;
  add(exchange: Omit<CallbackExchange, "id"> | Omit<RestExchange, "id">): Exchange {
    const added: Exchange = { id: this.#nextId, ...exchange };
    this.#nextId += 1;
    const entry: Entry = { exchange: added, size: sizeOf(exchange.request) };
    this.#entries.push(entry);
    this.#size += entry.size;
    if (exchange.kind === "callback") {
      if (exchange.messageId !== undefined) this.#index(exchange.messageId, entry.exchange);
      if (exchange.bot && exchange.messageId && exchange.conversationId) {
        this.#delivered.set(`${exchange.bot} ${exchange.conversationId}`, exchange.messageId);
      }
    }
    this.#trim();
    this.#tell(entry.exchange);
    return added;
  }

  /** Records how an exchange went on. */
  update<Kind extends Exchange>(exchange: Kind, changes: Partial<Kind>): void {
    Object.assign(exchange, changes);
    const entry = this.#find(exchange.id);
    if (entry && exchange.kind === "rest") {
      if (exchange.answers) this.#index(exchange.answers.messageId, exchange);
      if (exchange.createdMessageId) this.#index(exchange.createdMessageId, exchange);
    }
    if (entry && changes.response) {
      entry.size += sizeOf(changes.response);
      this.#size += sizeOf(changes.response);
    }
    this.#tell(exchange);
  }

  /** The message that was delivered to this bot in this conversation last. */
  lastDelivered(bot: string, conversationId: string): string | undefined {
    return this.#delivered.get(`${bot} ${conversationId}`);
  }

  list({ messageId, conversationId, kind, before = Infinity, limit = 100 }: ExchangesQuery): ExchangesPage {
    const candidates =
      messageId === undefined
        ? this.#entries.map((entry) => entry.exchange)
        : [...(this.#byMessage.get(messageId) ?? [])].sort((one, other) => one.id - other.id);
    const page: Exchange[] = [];
    for (let index = candidates.length - 1; index >= 0 && page.length <= limit; index -= 1) {
      const exchange = candidates[index]!;
      if (exchange.id >= before) continue;
      if (kind !== undefined && exchange.kind !== kind) continue;
      if (conversationId !== undefined && exchange.conversationId !== conversationId) continue;
      page.push(exchange);
    }
    const more = page.length > limit;
    if (more) page.pop();
    page.reverse();
    const first = page[0];
    return more && first ? { exchanges: page, before: first.id } : { exchanges: page };
  }

  /** Ids go on: a client that kept one never sees it again for another exchange. */
  clear(): void {
    this.#entries = [];
    this.#byMessage.clear();
    this.#delivered.clear();
    this.#size = 0;
    this.dropped = 0;
  }

  #index(messageId: string, exchange: Exchange): void {
    const exchanges = this.#byMessage.get(messageId) ?? new Set();
    this.#byMessage.set(messageId, exchanges.add(exchange));
  }

  /** Drops a tenth at a time, so that a full log does not move its array with every line. */
  #trim(): void {
    if (this.#entries.length <= this.limit && this.#size <= MAX_TOTAL) return;
    const gone = this.#entries.splice(0, Math.max(1, Math.ceil(this.#entries.length / 10)));
    for (const { exchange, size } of gone) {
      this.#size -= size;
      const ids =
        exchange.kind === "callback" ? [exchange.messageId] : [exchange.createdMessageId, exchange.answers?.messageId];
      for (const id of ids) {
        const exchanges = id === undefined ? undefined : this.#byMessage.get(id);
        exchanges?.delete(exchange);
        if (id !== undefined && exchanges?.size === 0) this.#byMessage.delete(id);
      }
      if (exchange.kind === "callback" && exchange.bot && exchange.conversationId) {
        const key = `${exchange.bot} ${exchange.conversationId}`;
        if (this.#delivered.get(key) === exchange.messageId) this.#delivered.delete(key);
      }
    }
    this.dropped += gone.length;
  }

  #find(id: number): Entry | undefined {
    let low = 0;
    let high = this.#entries.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (this.#entries[middle]!.exchange.id < id) low = middle + 1;
      else high = middle;
    }
    const entry = this.#entries[low];
    return entry?.exchange.id === id ? entry : undefined;
  }

  #tell(exchange: Exchange): void {
    for (const listener of this.#listeners) listener(exchange);
  }
}

/** A request or answer for the log: credentials masked, the body parsed if it is JSON, and cut if it is long. */
export function httpRecord(headers: Record<string, string | string[] | undefined>, body: string): HttpRecord {
  const shown: Record<string, string> = {};
  for (const [name, value] of Object.entries(headers)) {
    if (value === undefined) continue;
    const key = name.toLowerCase();
    shown[key] = mask(key, Array.isArray(value) ? value.join(", ") : value);
  }
  return { headers: shown, body: shownBody(body) };
}

function mask(name: string, value: string): string {
  if (name === "authorization") return value.replace(/^(\S+) .*$/, "$1 …");
  return name === "apikey" ? "…" : value;
}

function shownBody(body: string): unknown {
  if (body.length > MAX_BODY) return `${body.slice(0, MAX_BODY)}…`;
  try {
    return maskPasswords(JSON.parse(body));
  } catch {
    return body;
  }
}

/** The bots API takes and answers passwords in clear [D] S8; the log must not. */
function maskPasswords(body: unknown): unknown {
  const isBot = (value: unknown): value is { password: unknown } => typeof value === "object" && value !== null && "password" in value;
  if (isBot(body)) body.password = "…";
  const data = typeof body === "object" && body !== null && "data" in body ? body.data : undefined;
  for (const item of Array.isArray(data) ? data : [data]) {
    if (isBot(item)) item.password = "…";
  }
  return body;
}

/** Bytes, roughly: what a body takes as text and parsed is of one order. */
function sizeOf({ headers, body }: HttpRecord): number {
  const declared = Number(headers["content-length"]);
  if (declared > 0) return Math.min(declared, MAX_BODY) + 500;
  return (typeof body === "string" ? body.length : 1000) + 500;
}
