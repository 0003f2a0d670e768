/** Tries until it works, instead of sleeping for as long as it might take. */

import { setTimeout as sleep } from "node:timers/promises";

/**
 * Calls `probe` until it neither throws nor rejects, and resolves to what it gave.
 *
 * @throws what the last call has thrown, once `within` milliseconds are over
 */
export async function eventually<T>(probe: () => T | Promise<T>, { within = 10_000, every = 20 } = {}): Promise<T> {
  const deadline = Date.now() + within;
  for (;;) {
    try {
      return await probe();
    } catch (error) {
      if (Date.now() > deadline) throw error;
      await sleep(every);
    }
  }
}
