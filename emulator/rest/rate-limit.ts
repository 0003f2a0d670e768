/**
 * Requests a minute, of core operations and of the rest [D] S28, counted per app. Older pages also count per key and
 * per user [D-old] S29; that is not modelled.
 */

import type { SettingsStore } from "../settings.ts";

/** Where the caller stands in the current minute. */
export interface Allowance {
  limit: number;
  remaining: number;
  /** Seconds until the next minute begins, at least 1. */
  retryAfter: number;
  /** UNIX second at which it begins. */
  reset: number;
  exceeded: boolean;
}

export class RateLimiter {
  readonly #settings: SettingsStore;
  #minute = 0;
  #used = { core: 0, standard: 0 };

  constructor(settings: SettingsStore) {
    this.#settings = settings;
  }

  /** Counts one request. */
  take(kind: "core" | "standard", now = Date.now()): Allowance {
    const minute = Math.floor(now / 60_000);
    if (minute !== this.#minute) {
      this.#minute = minute;
      this.#used = { core: 0, standard: 0 };
    }
    const limit = this.#settings.rateLimit[kind];
    this.#used[kind] += 1;
    const reset = (minute + 1) * 60;
    return {
      limit,
      remaining: Math.max(0, limit - this.#used[kind]),
      retryAfter: Math.max(1, Math.ceil(reset - now / 1000)),
      reset,
      exceeded: this.#used[kind] > limit,
    };
  }

  clear(): void {
    this.#used = { core: 0, standard: 0 };
  }
}

/** On every answer: the limit of a minute, and what is left of it [D] S27. */
export function rateHeaders({ limit, remaining }: Allowance): Record<string, string> {
  return { "X-Rate-Limit": String(limit), "X-Rate-Limit-Remaining": String(remaining) };
}

/** On a 429: when to come again [D] S27. */
export function tooMany(settings: SettingsStore, { retryAfter, reset }: Allowance): Record<string, string> {
  switch (settings.choice("rateLimitHeaders")) {
    case "both":
      return { "Retry-After": String(retryAfter), "X-Rate-Limit-Reset": String(reset) };
    case "reset":
      return { "X-Rate-Limit-Reset": String(reset) };
    case "relativeReset":
      return { "X-Rate-Limit-Reset": String(retryAfter) };
    case "none":
      return {};
  }
}
