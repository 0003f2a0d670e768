/** What is seen from CometChat's side: each delivery of a callback and each call of the bot, in brief. */

import type { CallbackExchange, Emulator, RestExchange } from "../../emulator/index.ts";

/** How many exchanges between two looks are seen. The emulator makes some hundred a second. */
const AT_ONCE = 5000;

/** One delivery of a callback. */
export interface Delivery {
  messageId: string;
  cause: string;
  attempt: number;
  /** UNIX milliseconds at which it was posted. */
  at: number;
  /** When it was answered or given up. */
  end: number;
  outcome: string;
  status: number | undefined;
  /** Whether nothing listened in the end. */
  isRefused: boolean;
  /** What the worker answered: `accepted`, `duplicate` or `ignored`. */
  answer: string | undefined;
}

/** One call of the REST API. */
export interface Call {
  operation: string;
  path: string;
  at: number;
  end: number;
  outcome: string;
  status: number | undefined;
  fault: string | undefined;
  /** The message that it made, whether or not the bot was told. */
  created: string | undefined;
  /** The id that the reply carries in its metadata. */
  reply: string | undefined;
}

/** What makes a message. */
const sends = ["sendBotMessage", "sendThreadMessage"];

export class Watch {
  readonly deliveries: Delivery[] = [];
  readonly calls: Call[] = [];
  /** Ids of messages of which some delivery was answered or has failed. */
  readonly tried = new Set<string>();
  /** Ids of messages that were acknowledged, and the time of the first 200. */
  readonly acknowledged = new Map<string, number>();
  /** Ids of replies that CometChat has accepted. */
  readonly accepted = new Set<string>();
  readonly #emulator: Emulator;
  readonly #pending = new Map<number, CallbackExchange | RestExchange>();
  #newest = 0;

  constructor(emulator: Emulator) {
    this.#emulator = emulator;
  }

  /** To be called a few times a second: the emulator keeps a bounded number of exchanges. */
  look(): void {
    const exchanges = [...this.#emulator.deliveries({ limit: AT_ONCE }), ...this.#emulator.restCalls({ limit: AT_ONCE })];
    const seen = this.#newest;
    for (const exchange of exchanges) {
      if (exchange.id > seen) this.#pending.set(exchange.id, exchange);
      if (exchange.id > this.#newest) this.#newest = exchange.id;
    }
    // The emulator changes an exchange in place as it goes on.
    for (const [id, exchange] of this.#pending) {
      if (exchange.outcome === "pending") continue;
      this.#pending.delete(id);
      if (exchange.kind === "callback") this.#delivered(exchange);
      else this.#called(exchange);
    }
  }

  #delivered({ messageId = "", cause, attempt, at, ms = 0, outcome, response, problem }: CallbackExchange): void {
    const end = at + ms;
    const isRefused = problem?.startsWith("Nothing listens") ?? false;
    const answer = (response?.body as { status?: string } | undefined)?.status;
    this.deliveries.push({ messageId, cause, attempt, at, end, outcome, status: response?.status, isRefused, answer });
    this.tried.add(messageId);
    if (response?.status !== 200) return;
    this.acknowledged.set(messageId, Math.min(end, this.acknowledged.get(messageId) ?? Infinity));
  }

  #called({ operation = "", path, at, ms = 0, outcome, response, fault, createdMessageId, request }: RestExchange): void {
    const body = request.body as { data?: { metadata?: { halley?: string } } } | undefined;
    const reply = sends.includes(operation) ? body?.data?.metadata?.halley : undefined;
    const status = response?.status;
    this.calls.push({ operation, path, at, end: at + ms, outcome, status, fault, created: createdMessageId, reply });
    if (createdMessageId !== undefined && reply !== undefined) this.accepted.add(reply);
  }
}
