/**
 * Getting callbacks and webhook events to where they belong: order, timeouts, retries, duplicates, and the faults on the
 * way. What is in them, and who gets them, is decided in `callbacks.ts` and `webhooks.ts`.
 */

import type { CallbackExchange, CallbackHealth, DeliveryCause } from "./api.ts";
import type { App } from "./app.ts";
import { httpRecord } from "./exchanges.ts";
import type { PostResult } from "./post.ts";
import { basicAuth, Postman } from "./post.ts";
import type { Identity } from "./random.ts";
import { fraction } from "./random.ts";

/** Deliveries that may be on their way at once; more are dropped, so that a dead endpoint cannot fill the memory. */
const MAX_PENDING = 20_000;

/** How long a delivery is held back at most until another one overtakes it. */
const MAX_HELD_MS = 1000;

/** Something to be posted. */
export interface Delivery {
  to: { bot: string } | { webhook: string };
  url: string;
  /** For Basic auth; absent when it is not used. */
  credentials?: { username: string; password: string };
  trigger: string;
  messageId?: string;
  conversationId?: string;
  cause: DeliveryCause;
  /** Deliveries of one lane are those that have an order. */
  lane: string;
  /** What the faults are drawn from, besides the seed. */
  identity: Identity;
  body: string;
  /** Added to, or in place of, the usual headers; an empty value leaves the header out. */
  headers?: Record<string, string>;
}

/** The state of one run, thrown away at a reset. */
interface Run {
  pending: number;
  timers: Map<NodeJS.Timeout, () => void>;
  lanes: Map<string, Lane>;
}

interface Lane {
  /** Settles when everything that was put into the lane so far was posted once. */
  tail: Promise<void>;
  waiting: number;
  /** Sends the delivery that is held back to be overtaken. */
  held: (() => void) | undefined;
}

export class Deliveries {
  readonly #app: App;
  readonly #postman = new Postman();
  readonly #health = new Map<string, CallbackHealth>();
  readonly #healthListeners = new Set<(bot: string, health: CallbackHealth) => void>();
  #run: Run = freshRun();
  #idle: (() => void)[] = [];

  constructor(app: App) {
    this.#app = app;
  }

  /** Deliveries that wait for an answer, their turn or a retry. */
  get pending(): number {
    return this.#run.pending;
  }

  /** Settles when nothing is pending. */
  idle(): Promise<void> {
    return this.pending === 0 ? Promise.resolve() : new Promise((resolve) => this.#idle.push(resolve));
  }

  health(bot: string): CallbackHealth {
    return this.#health.get(bot) ?? { state: "unknown" };
  }

  onHealth(listener: (bot: string, health: CallbackHealth) => void): void {
    this.#healthListeners.add(listener);
  }

  /** Puts a delivery on its way, with everything that settings do to it. */
  submit(delivery: Delivery): void {
    const { settings } = this.#app;
    if (this.pending >= MAX_PENDING) {
      return this.#drop(delivery, { problem: `More than ${MAX_PENDING} deliveries are waiting.` });
    }
    if (this.#draw("callbackDrop", delivery)) return this.#drop(delivery, { fault: "callbackDrop" });
    const work = () => this.#workOff(delivery);
    const order = settings.choice("callbackOrder");
    const lane = this.#lane(delivery.lane);
    if (lane.held) {
      this.#enqueue(delivery.lane, work, order === "concurrent");
      lane.held();
    } else if (order === "swapped" || this.#draw("callbackReorder", delivery)) {
      this.#hold(lane, delivery.lane, work, order === "concurrent");
    } else {
      this.#enqueue(delivery.lane, work, order === "concurrent");
    }
  }

  /** Posts at once and once, past order, faults and retries. */
  async now(delivery: Delivery): Promise<CallbackExchange> {
    const run = this.#begin();
    const exchange = await this.#attempt(delivery, 1, delivery.cause);
    this.#end(run);
    return exchange;
  }

  /** Whether anything answers at a bot's URL: one GET, which is no callback and is not logged. */
  async check(bot: string, url: string): Promise<CallbackHealth> {
    const result = await this.#postman.request("GET", url, {}, "", this.#timeoutMs());
    this.#noteHealth(bot, result, result.kind === "answered" ? undefined : problemOf(result, this.#timeoutMs()));
    return this.health(bot);
  }

  /** A POST to somewhere else than a callback URL: what a person's device does for an interactive message. */
  post(url: string, method: string, headers: Record<string, string>, body: string): Promise<PostResult> {
    return this.#postman.request(method, url, headers, body, 10_000);
  }

  /** Forgets what is on its way. What is being posted already goes on and is not waited for. */
  reset(): void {
    for (const timer of this.#run.timers.keys()) clearTimeout(timer);
    this.#run = freshRun();
    this.#health.clear();
    this.#settleIdle();
  }

  close(): void {
    this.reset();
    this.#postman.close();
  }

  #hold(lane: Lane, name: string, work: () => Promise<void>, concurrent: boolean): void {
    const run = this.#begin();
    const release = () => {
      if (lane.held !== release) return;
      lane.held = undefined;
      clearTimeout(timer);
      run.timers.delete(timer);
      this.#enqueue(name, work, concurrent);
      this.#end(run);
    };
    const timer = setTimeout(release, MAX_HELD_MS);
    run.timers.set(timer, release);
    lane.held = release;
  }

  #enqueue(name: string, work: () => Promise<void>, concurrent: boolean): void {
    const run = this.#begin();
    const lane = this.#lane(name);
    lane.waiting += 1;
    const turn = concurrent ? work() : lane.tail.then(() => (run === this.#run ? work() : undefined));
    lane.tail = turn.then(() => {
      lane.waiting -= 1;
      if (lane.waiting === 0 && !lane.held && run.lanes.get(name) === lane) run.lanes.delete(name);
      this.#end(run);
    });
  }

  /** The delivery, its delay and its duplicates; settles when it was posted once. Retries come later by themselves. */
  async #workOff(delivery: Delivery): Promise<void> {
    const { settings } = this.#app;
    const longest = settings.number("callbackDelayMs");
    if (this.#draw("callbackDelay", delivery)) {
      await this.#sleep(longest * fraction(settings.seed, "callbackDelayMs", ...delivery.identity));
    }
    const twins: Promise<unknown>[] = [];
    const duplicate = settings.choice("duplicateDelivery");
    if (duplicate === "concurrent") twins.push(this.#attempt(delivery, 1, "duplicate"));
    if (duplicate === "late") this.#later(settings.number("duplicateDelay") * 1000, () => this.#attempt(delivery, 1, "duplicate"));
    if (this.#draw("callbackDuplicate", delivery)) {
      const late = fraction(settings.seed, "callbackDuplicateLate", ...delivery.identity);
      const again = () => this.#attempt(delivery, 1, "duplicate", "callbackDuplicate");
      if (late < 0.5) twins.push(again());
      else this.#later(longest * (late - 0.5) * 2, again);
    }
    await Promise.all([this.#attemptAndRetry(delivery, 1), ...twins]);
  }

  async #attemptAndRetry(delivery: Delivery, attempt: number): Promise<void> {
    const wait = this.#app.settings.seconds("callbackRetries")[attempt - 1];
    const cause = attempt === 1 ? delivery.cause : "retry";
    const run = this.#run;
    const exchange = await this.#attempt(delivery, attempt, cause, undefined, wait);
    if (exchange.retryIn === undefined || run !== this.#run) return;
    this.#later(exchange.retryIn * 1000, () => this.#attemptAndRetry(delivery, attempt + 1));
  }

  async #attempt(delivery: Delivery, attempt: number, cause: DeliveryCause, fault?: string, retryIn?: number): Promise<CallbackExchange> {
    const headers = this.#headers(delivery);
    const exchange = this.#app.exchanges.add({
      ...logged(delivery, cause, attempt),
      ...(fault && { fault }),
      outcome: "pending",
      request: httpRecord(headers, delivery.body),
    });
    const timeout = this.#timeoutMs();
    const result = await this.#postman.request("POST", delivery.url, headers, delivery.body, timeout);
    const answer =
      result.kind === "answered" ? { response: { status: result.status, ...httpRecord(result.headers, result.body) } } : {};
    const problem = problemOf(result, timeout);
    const retried = problem !== undefined && retryIn !== undefined;
    this.#app.exchanges.update(exchange, {
      outcome: result.kind,
      ms: Date.now() - exchange.at,
      ...answer,
      ...(problem && { problem }),
      ...(retried && { retryIn }),
    });
    if ("bot" in delivery.to) this.#noteHealth(delivery.to.bot, result, problem);
    return exchange;
  }

  #drop(delivery: Delivery, why: { problem?: string; fault?: string }): void {
    this.#app.exchanges.add({
      ...logged(delivery, delivery.cause, 1),
      ...why,
      ms: 0,
      outcome: "dropped",
      request: httpRecord(this.#headers(delivery), delivery.body),
    });
  }

  #headers(delivery: Delivery): Record<string, string> {
    const { credentials } = delivery;
    const headers: Record<string, string> = {
      "Content-Type": this.#app.settings.choice("callbackContentType"),
      Accept: "application/json",
      "Content-Length": String(Buffer.byteLength(delivery.body)),
      ...(credentials && { Authorization: basicAuth(credentials.username, credentials.password) }),
    };
    for (const [name, value] of Object.entries(delivery.headers ?? {})) {
      const usual = Object.keys(headers).find((key) => key.toLowerCase() === name.toLowerCase());
      if (usual) delete headers[usual];
      if (value !== "") headers[name] = value;
    }
    return headers;
  }

  #draw(fault: "callbackDrop" | "callbackDelay" | "callbackDuplicate" | "callbackReorder", { identity }: Delivery): boolean {
    const { settings } = this.#app;
    return fraction(settings.seed, fault, ...identity) < settings.number(fault);
  }

  #timeoutMs(): number {
    return this.#app.settings.number("callbackTimeout") * 1000;
  }

  #noteHealth(bot: string, result: PostResult, problem: string | undefined): void {
    const health: CallbackHealth = {
      state: result.kind === "answered" ? "reachable" : "unreachable",
      at: Date.now(),
      ...(result.kind === "answered" && { status: result.status }),
      ...(problem && { problem }),
    };
    const former = this.#health.get(bot);
    this.#health.set(bot, health);
    if (former?.state === health.state && former.status === health.status) return;
    for (const listener of this.#healthListeners) listener(bot, health);
  }

  #lane(name: string): Lane {
    const lane = this.#run.lanes.get(name) ?? { tail: Promise.resolve(), waiting: 0, held: undefined };
    this.#run.lanes.set(name, lane);
    return lane;
  }

  #sleep(ms: number): Promise<void> {
    return new Promise((resolve) => this.#later(ms, async () => resolve()));
  }

  #later(ms: number, work: () => Promise<unknown>): void {
    const run = this.#begin();
    const timer = setTimeout(() => {
      run.timers.delete(timer);
      void work().finally(() => this.#end(run));
    }, ms);
    run.timers.set(timer, () => {});
  }

  #begin(): Run {
    this.#run.pending += 1;
    return this.#run;
  }

  #end(run: Run): void {
    run.pending -= 1;
    if (run === this.#run && run.pending === 0) this.#settleIdle();
  }

  #settleIdle(): void {
    const waiting = this.#idle;
    this.#idle = [];
    for (const resolve of waiting) resolve();
  }
}

function freshRun(): Run {
  return { pending: 0, timers: new Map(), lanes: new Map() };
}

function logged({ to, trigger, messageId, conversationId, url }: Delivery, cause: DeliveryCause, attempt: number) {
  return {
    kind: "callback" as const,
    ...to,
    trigger,
    ...(messageId !== undefined && { messageId }),
    ...(conversationId !== undefined && { conversationId }),
    cause,
    attempt,
    url,
    at: Date.now(),
  };
}

function problemOf(result: PostResult, timeoutMs: number): string | undefined {
  switch (result.kind) {
    case "timeout":
      return `No answer within ${timeoutMs / 1000} s: answer first, and do the work afterwards.`;
    case "failed":
      return result.problem;
    case "answered":
      if (result.status === 200) return undefined;
      if (result.status === 401) return "401: the bot does not accept the username and password of its callback.";
      return `The bot answered ${result.status} instead of 200.`;
  }
}
