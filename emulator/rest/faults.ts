/** Which fault strikes a REST call. See `../faults.ts` for what they do and how they are drawn. */

import type { App } from "../app.ts";
import type { JsonObject } from "../cometchat.ts";
import type { RestFault } from "../faults.ts";
import { REST_FAULTS } from "../faults.ts";
import { fraction } from "../random.ts";
import type { Route } from "./router.ts";

/** Calls whose repetitions are counted. When there are more, the oldest are forgotten. */
const MAX_COUNTED = 50_000;

export class RestFaults {
  readonly #app: App;
  /** How often the same was asked so far. */
  #asked = new Map<string, number>();

  constructor(app: App) {
    this.#app = app;
  }

  /** At most one, drawn from what is asked and how often it was asked before. */
  draw(route: Route, call: { path: string; body: JsonObject; onBehalfOf: string | undefined }): RestFault | undefined {
    const { settings, world } = this.#app;
    const person = call.onBehalfOf !== undefined && !world.bots.has(call.onBehalfOf);
    if (person || !settings.list("restFaultsOn").includes(route.faults ?? "others")) return undefined;
    const identity = this.#identity(route, call);
    const times = this.#count(identity);
    let rest = fraction(settings.seed, "rest", identity, times);
    for (const fault of REST_FAULTS) {
      rest -= settings.number(fault);
      if (rest < 0) return fault;
    }
    return undefined;
  }

  clear(): void {
    this.#asked.clear();
  }

  #count(identity: string): number {
    const times = (this.#asked.get(identity) ?? 0) + 1;
    this.#asked.delete(identity);
    this.#asked.set(identity, times);
    if (this.#asked.size > MAX_COUNTED) {
      for (const oldest of this.#asked.keys()) {
        this.#asked.delete(oldest);
        break;
      }
    }
    return times;
  }

  #identity(route: Route, { path, body, onBehalfOf = "" }: { path: string; body: JsonObject; onBehalfOf: string | undefined }): string {
    if (route.faults !== "sends") return [route.method, path, onBehalfOf].join(" ");
    const { muid, receiver, data } = body;
    const message = typeof muid === "string" ? this.#withoutIds(muid) : JSON.stringify([receiver ?? null, data ?? null]);
    return [path, onBehalfOf, message].join(" ");
  }

  /** Ids in a muid depend on who was first; the identity of the message that they name does not. */
  #withoutIds(muid: string): string {
    return muid.replace(/\d{1,15}/g, (digits) => {
      const message = this.#app.messages.get(Number(digits));
      return message ? `${message.conversation.id}:${message.sender}:${message.ordinal}` : digits;
    });
  }
}
