/** What is said in a run, by whom, where and when; when the runtime is killed; and what goes wrong meanwhile. All from one seed. */

import { fraction } from "../../emulator/random.ts";

/** Does what a message says: src/bots/rehearsal.rs. */
export const BOT = "rehearsal_bot";

/**
 * What a message asks of the bot: `echo` one answer, `say` two, `silent` none; `picture`, `custom` and `thread` one of another
 * kind; `edit` one that is given another text; `react` a reaction to the message.
 */
export type Kind = "echo" | "say" | "silent" | "picture" | "custom" | "thread" | "edit" | "react";

/** How many messages a message of each kind is answered with. */
export const answersTo: Record<Kind, number> = { echo: 1, say: 2, silent: 0, picture: 1, custom: 1, thread: 1, edit: 1, react: 0 };

export interface Place {
  receiverType: "user" | "group";
  /** The person in 1:1, the GUID of a group. */
  peer: string;
  people: string[];
}

export interface Line {
  /** Milliseconds after the beginning, at the earliest. */
  at: number;
  place: Place;
  sender: string;
  text: string;
  kind: Kind;
}

export interface Plan {
  places: Place[];
  lines: Line[];
  /** After how many messages the runtime is killed. */
  kills: number[];
}

export interface PlanOptions {
  seed: number;
  conversations: number;
  messages: number;
  kills: number;
  /** Messages a second. */
  rate: number;
  /** Default: five of ten `echo`, one and a half each `say` and `silent`, and the rest in equal parts. */
  only?: Kind;
}

/** One conversation of ten is a group. */
const GROUP_EVERY = 10;

/** How often the same person goes on at once. */
const GOES_ON = 0.25;

export function makePlan({ seed, conversations, messages, kills, rate, only }: PlanOptions): Plan {
  const places = Array.from({ length: conversations }, (_, n) => place(n));
  const draw = (what: string, n: number) => fraction(seed, "scorecard", what, n);
  const lines: Line[] = [];
  for (let n = 0; n < messages; n += 1) {
    const before = lines[n - 1];
    const goesOn = n >= conversations && before !== undefined && draw("goes on", n) < GOES_ON;
    const where = goesOn ? before.place : places[n < conversations ? n : Math.floor(draw("place", n) * conversations)]!;
    const sender = goesOn ? before.sender : where.people[Math.floor(draw("sender", n) * where.people.length)]!;
    const kind = only ?? kindOf(draw("kind", n));
    const text = kind === "echo" ? `hello ${n}` : kind === "say" ? "say 2" : `${kind} ${n}`;
    lines.push({ at: (n * 1000) / rate, place: where, sender, text, kind });
  }
  const share = messages / Math.max(1, kills);
  return { places, lines, kills: Array.from({ length: kills }, (_, n) => Math.round(share * (n + 0.3 + 0.4 * draw("kill", n)))) };
}

/** Up to which share of the messages a kind is drawn. */
const shares: [Kind, number][] = [
  ["echo", 0.5],
  ["say", 0.65],
  ["silent", 0.8],
  ["picture", 0.84],
  ["custom", 0.88],
  ["thread", 0.92],
  ["edit", 0.96],
  ["react", 1],
];

const kindOf = (drawn: number): Kind => shares.find(([, upTo]) => drawn < upTo)![0];

function place(n: number): Place {
  if (n % GROUP_EVERY === GROUP_EVERY - 1) {
    return { receiverType: "group", peer: `group-${n}`, people: ["a", "b", "c"].map((letter) => `member-${n}-${letter}`) };
  }
  return { receiverType: "user", peer: `person-${n}`, people: [`person-${n}`] };
}

/** What goes wrong on CometChat's side: shares of callbacks, of sends and of looks at the history. */
export const faults = {
  callbackDuplicate: 0.1,
  callbackReorder: 0.1,
  callbackDelay: 0.1,
  callbackDelayMs: 2000,
  rest429: 0.03,
  rest500: 0.03,
  restAccepted500: 0.02,
  restSlow: 0.03,
  restSlowMs: 3000,
  restCut: 0.01,
  restAcceptedCut: 0.02,
  restAcceptedUnanswered: 0.01,
  restAcceptedLate: 0.005,
  restLateMs: 500,
  restFaultsOn: "sends,histories,others",
};
