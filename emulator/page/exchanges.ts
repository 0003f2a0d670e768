/** The newest callbacks and REST calls, by the message that they are about. */

import type { CallbackExchange, Exchange, RestExchange } from "../api.ts";

const MAX_KEPT = 3000;

export class Exchanges {
  readonly #all = new Map<number, Exchange>();
  readonly #byMessage = new Map<string, Set<number>>();

  keep(exchange: Exchange): void {
    const former = this.#all.get(exchange.id);
    // A page of exchanges may be older than the event that told how one of them has ended.
    if (former && former.outcome !== "pending" && exchange.outcome === "pending") return;
    this.#all.set(exchange.id, exchange);
    for (const id of messagesOf(exchange)) {
      const ids = this.#byMessage.get(id) ?? new Set();
      this.#byMessage.set(id, ids.add(exchange.id));
    }
    if (this.#all.size > MAX_KEPT) this.#dropOldest();
  }

  clear(): void {
    this.#all.clear();
    this.#byMessage.clear();
  }

  /** Everything that is known about a message, the oldest first. */
  of(messageId: string): Exchange[] {
    const ids = [...(this.#byMessage.get(messageId) ?? [])].sort((one, other) => one - other);
    return ids.map((id) => this.#all.get(id)).filter((exchange) => exchange !== undefined);
  }

  callbacksOf(messageId: string): CallbackExchange[] {
    return this.of(messageId).filter(
      (exchange) => exchange.kind === "callback" && exchange.bot !== undefined,
    ) as CallbackExchange[];
  }

  /** The call that has created a message. */
  creatorOf(messageId: string): RestExchange | undefined {
    return this.of(messageId).find(
      (exchange): exchange is RestExchange => exchange.kind === "rest" && exchange.createdMessageId === messageId,
    );
  }

  /** Calls that a bot has made because of a message. */
  callsFor(messageId: string): RestExchange[] {
    return this.of(messageId).filter(
      (exchange): exchange is RestExchange => exchange.kind === "rest" && exchange.answers?.messageId === messageId,
    );
  }

  #dropOldest(): void {
    const [oldest] = this.#all.values();
    if (!oldest) return;
    this.#all.delete(oldest.id);
    for (const id of messagesOf(oldest)) {
      const ids = this.#byMessage.get(id);
      ids?.delete(oldest.id);
      if (ids?.size === 0) this.#byMessage.delete(id);
    }
  }
}

/** Ids of the messages that an exchange is about. */
export function messagesOf(exchange: Exchange): string[] {
  const ids =
    exchange.kind === "callback" ? [exchange.messageId] : [exchange.createdMessageId, exchange.answers?.messageId];
  return ids.filter((id) => id !== undefined);
}
