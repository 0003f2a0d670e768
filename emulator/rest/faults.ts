/** Which fault strikes a REST call. See `../faults.ts` for what they do and how they are drawn. */

import type { App } from "../app.ts";
import type { JsonObject } from "../cometchat.ts";
import type { RestFault } from "../faults.ts";
import { REST_FAULTS } from "../faults.ts";
import { fraction } from "../random.ts";
import { Asked } from "./asked.ts";
import type { Call, Route } from "./router.ts";

/** What a call asks. */
interface AskedFor {
  /** With its query. */
  path: string;
  body: JsonObject;
  onBehalfOf: string | undefined;
}

export class RestFaults {
  readonly #app: App;
  readonly #struck = new Asked();
  /** Counted apart, so that what strikes a call does not depend on what is drawn for its answer. */
  readonly #answered = new Asked();

  constructor(app: App) {
    this.#app = app;
  }

  /** At most one, drawn from what is asked and how often it was asked before. */
  draw(route: Route, call: AskedFor): RestFault | undefined {
    const { settings, world } = this.#app;
    const person = call.onBehalfOf !== undefined && !world.bots.has(call.onBehalfOf);
    if (person || !settings.list("restFaultsOn").includes(route.faults ?? "others")) return undefined;
    const identity = this.#identity(route, call);
    const times = this.#struck.count(identity);
    let rest = fraction(settings.seed, "rest", identity, times);
    for (const fault of REST_FAULTS) {
      rest -= settings.number(fault);
      if (rest < 0) return fault;
    }
    return undefined;
  }

  /** Draws for the answer to a call, by what is drawn. */
  drawsFor(route: Route, call: AskedFor): Call["draw"] {
    const identity = this.#identity(route, call);
    let times: number | undefined;
    return (...what) => {
      times ??= this.#answered.count(identity);
      return fraction(this.#app.settings.seed, "answer", identity, times, ...what);
    };
  }

  clear(): void {
    this.#struck.clear();
    this.#answered.clear();
  }

  #identity(route: Route, { path, body, onBehalfOf = "" }: AskedFor): string {
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
