/** How often the same was asked before: a call that is made again gets draws of its own. */

/** Calls that are counted. When there are more, the oldest are forgotten. */
const MAX_COUNTED = 50_000;

export class Asked {
  #times = new Map<string, number>();

  /** Counts one more, and tells how many there are now. */
  count(identity: string): number {
    const times = (this.#times.get(identity) ?? 0) + 1;
    this.#times.delete(identity);
    this.#times.set(identity, times);
    if (this.#times.size > MAX_COUNTED) {
      for (const oldest of this.#times.keys()) {
        this.#times.delete(oldest);
        break;
      }
    }
    return times;
  }

  clear(): void {
    this.#times.clear();
  }
}
