/** The runs that there are, a column each: the same load, faults and kills, and what else goes wrong on CometChat's side. */

import type { SettingValue } from "../../emulator/index.ts";

export interface Scenario {
  /** Of its column. */
  heading: string;
  /** The emulator's `callbackRetries`: `none`, or seconds. */
  redelivery: string;
  /** Settings of the emulator from the beginning to the end, besides the faults of every run. */
  settings?: Record<string, SettingValue>;
  trouble?: Trouble;
}

/** Something that goes wrong for a while. Nobody can be answered meanwhile, and nothing may die of it. */
export interface Trouble {
  seconds: number;
  /** Settings of the emulator while it lasts, one after the other and each for as long. */
  phases: Record<string, SettingValue>[];
  over: Record<string, SettingValue>;
}

/** The share of a run's messages that are said while its trouble lasts: as many are said before as after it. */
export const SHARE_IN_TROUBLE = 0.75;

/** By the names that `--runs` takes (scripts/scorecard.mjs). */
export function scenario(name: string, quick: boolean): Scenario {
  switch (name) {
    case "chaos":
      return { heading: "CometChat never redelivers", redelivery: "none" };
    case "redelivery":
      return { heading: "redelivers after 10 s and 30 s", redelivery: "10,30" };
    case "outage": {
      const seconds = quick ? 40 : 900;
      const phases = [{ restOutage: "500" }, { restOutage: "cut" }, { restOutage: "500" }, { restOutage: "cut" }];
      return { heading: `an outage of ${words(seconds)}`, redelivery: "10,30", trouble: { seconds, phases, over: { restOutage: "none" } } };
    }
    case "key": {
      const seconds = quick ? 20 : 300;
      const phases = [{ keyRevoked: true }];
      return { heading: `a key revoked for ${words(seconds)}`, redelivery: "10,30", trouble: { seconds, phases, over: { keyRevoked: false } } };
    }
    case "history": {
      const settings = { historyCap: 30, historyOrder: "descending", historyShortPages: 0.3, historyNulls: 0.1, historyOldSentAt: 0.1 };
      return { heading: "history pages cut and padded", redelivery: "10,30", settings };
    }
    default:
      throw new Error(`There is no run named ${name}.`);
  }
}

function words(seconds: number): string {
  return seconds < 60 ? `${seconds} seconds` : `${seconds / 60} minutes`;
}
