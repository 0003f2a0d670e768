/** What one emulator is made of. Everything else is given an `App` and works on it. */

import { ExchangeLog } from "./exchanges.ts";
import type { Reaction, StoredMessage } from "./messages.ts";
import { MessageStore } from "./messages.ts";
import type { SettingsChange } from "./api.ts";
import { SettingsStore } from "./settings.ts";
import type { Seed } from "./world.ts";
import { World } from "./world.ts";

/** Names and keys of the app. */
export interface Identity {
  appId: string;
  region: string;
  /** Scope `fullAccess`. */
  apiKey: string;
  /** Scope `authOnly`: auth tokens and creating users [D] S25, S2. */
  authKey: string;
}

/** How much is kept. */
export interface Limits {
  messages: number;
  exchanges: number;
}

/** Something happened that bots, webhooks, pages or tests may want to know. */
export type Change =
  | { kind: "message"; message: StoredMessage }
  | { kind: "edited" | "deleted"; message: StoredMessage; action: StoredMessage }
  | { kind: "reaction"; message: StoredMessage; reaction: Reaction & { reaction: string }; added: boolean }
  | { kind: "interacted"; message: StoredMessage }
  | { kind: "receipt"; message: StoredMessage; uid: string; action: "delivered" | "read"; at: number }
  /** `trigger` is that of the webhook event; `data` its payload, made only when somebody wants it. */
  | { kind: "world"; trigger?: string; data?: () => object }
  | { kind: "settings" }
  | { kind: "reset" };

export interface AppOptions {
  identity: Identity;
  seed: Seed;
  settings: SettingsChange;
  limits: Limits;
  firstMessageId: number;
}

export class App {
  readonly identity: Identity;
  readonly settings: SettingsStore;
  readonly exchanges: ExchangeLog;
  world: World;
  messages: MessageStore;
  /** Reactions have ids of their own. */
  nextReactionId = 1;
  readonly #seed: Seed;
  readonly #listeners = new Set<(change: Change) => void>();

  /** @throws SettingError */
  constructor(options: AppOptions) {
    this.identity = options.identity;
    this.#seed = options.seed;
    this.settings = new SettingsStore(options.settings);
    this.exchanges = new ExchangeLog(options.limits.exchanges);
    this.world = new World(options.seed, this.now());
    this.messages = new MessageStore(options.firstMessageId, options.limits.messages);
  }

  /** UNIX seconds, as CometChat's timestamps. */
  now(): number {
    return Math.floor(Date.now() / 1000);
  }

  /** Listeners run at once and in the order in which they were added. Returns the way to stop. */
  listen(listener: (change: Change) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  tell(change: Change): void {
    for (const listener of this.#listeners) listener(change);
  }

  /** Adds to the world what the start did not have. A reset takes it away again. */
  add(seed: Partial<Seed>): void {
    this.world.add(seed, this.now());
    this.tell({ kind: "world" });
  }

  /** Back to the world of the start. Ids of messages, reactions and exchanges go on, so that none is ever used twice. */
  reset(withSettings: boolean): void {
    if (withSettings) this.settings.reset();
    this.world = new World(this.#seed, this.now());
    this.messages = this.messages.clear();
    this.exchanges.clear();
    this.tell({ kind: "reset" });
  }
}
