/**
 * What each path asks of the platform, at most: a change that asks more often than the table says fails here.
 *
 * How often a message is parsed is bounded natively (src/simulation/passes.rs).
 */

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { describe, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";

import { eventually } from "./eventually.ts";
import type { World } from "./harness.ts";
import { startWorld } from "./harness.ts";
import type { Said } from "./payloads.ts";
import { afterMessage } from "./payloads.ts";
import type { Settings } from "./worker.ts";

const bot = "rehearsal_bot";
const person = "cometchat-uid-1";
const counting = readFileSync(new URL("counting.js", import.meta.url), "utf8");

/** What is asked of the platform on a path. */
interface Cost {
  /** SQL statements, and the rows that they read and write, by what their cursors say. */
  statements: number;
  read: number;
  written: number;
  /** Each costs a row too. */
  setAlarm: number;
  /** Requests to the object, and alarms that go off in it. */
  requests: number;
  alarms: number;
  /** Operations of KV, by the object. */
  kv: number;
  /** Calls of the REST API. */
  rest: number;
}

/** All other methods that the object calls, where they are any that the wrapper tells of. */
type Others = readonly string[];

/** As it is measured. Rows written are two more where the object was empty: that is what it takes to make the table. */
const bounds = {
  // It sets the alarm for a crash, and again for its rest where that is long after.
  "a lone message": { statements: 3, read: 2, written: 5, setAlarm: 2, requests: 1, alarms: 0, kv: 0, rest: 1 },
  // In a burst a message may have to wait for its turn or not, which makes 7 rows of 6, and the rows that are read between 3 and 5.
  "each further message of a burst": { statements: 3, read: 5, written: 7, setAlarm: 0, requests: 1, alarms: 0, kv: 0, rest: 1 },
  // Its last confirmations, five seconds after it.
  "the end of a burst": { statements: 2, read: 3, written: 2, setAlarm: 2, requests: 0, alarms: 0, kv: 0, rest: 0 },
  "a message put aside by a fixed rule": { statements: 1, read: 0, written: 2, setAlarm: 0, requests: 1, alarms: 0, kv: 0, rest: 0 },
  "a duplicate": { statements: 0, read: 0, written: 0, setAlarm: 0, requests: 1, alarms: 0, kv: 0, rest: 0 },
  "a turn with 10 replies": { statements: 3, read: 21, written: 23, setAlarm: 2, requests: 1, alarms: 0, kv: 0, rest: 10 },
  "the first message of all": { statements: 7, read: 4, written: 9, setAlarm: 2, requests: 1, alarms: 1, kv: 1, rest: 1 },
  "rest": { statements: 1, read: 0, written: 1, setAlarm: 2, requests: 0, alarms: 1, kv: 1, rest: 0 },
  // By then the platform has taken it out of memory.
  "emptying": { statements: 2, read: 4, written: 0, setAlarm: 1, requests: 0, alarms: 1, kv: 1, rest: 0 },
  "waking up from KV": { statements: 7, read: 4, written: 9, setAlarm: 2, requests: 1, alarms: 1, kv: 1, rest: 1 },
} satisfies Record<string, Cost>;

/** Calls that a path may make beside those. */
const others: Partial<Record<keyof typeof bounds, Others>> = { emptying: ["deleteAll"] };

/** What the door waits for before it answers, on every path: one hop to the object. */
const AWAITED = ["hop"];

const BURST = 20;

describe("No path asks more of the platform than is said:", { concurrency: true }, () => {
  test("in a conversation that goes on", () =>
    inWorld({ REST_AFTER_SECONDS: 600 }, async (world) => {
      await answered(world, ["hello"]);
      await isQuiet(world);
      isWithin("a lone message", await cost(world, () => answered(world, ["hello"])));
      isWithin("a turn with 10 replies", await cost(world, () => answered(world, ["say 10"])));

      const burst = await cost(world, () => answered(world, Array<string>(BURST).fill("hello")));
      const further = times(bounds["each further message of a burst"], BURST - 1);
      isWithin("each further message of a burst", burst, plus(bounds["a lone message"], plus(further, bounds["the end of a burst"])));

      const call = { category: "call", type: "audio" };
      isWithin("a message put aside by a fixed rule", await cost(world, () => post(world, call, "ignored")));
      const id = await world.rehearse("silent", person);
      await world.ended(id);
      await isQuiet(world);
      isWithin("a duplicate", await cost(world, () => post(world, { id }, "duplicate")));
    }));

  test("in one that comes and goes", () =>
    // Far enough from each other for each to be counted alone.
    inWorld({ REST_AFTER_SECONDS: 13, EMPTY_AFTER_SECONDS: 36 }, async (world) => {
      isWithin("the first message of all", await cost(world, () => answered(world, ["hello"])));
      isWithin("rest", await cost(world, () => hasCalled(world, "kv.put")));
      isWithin("emptying", await cost(world, () => hasCalled(world, "deleteAll")));
      isWithin("waking up from KV", await cost(world, () => answered(world, ["hello"])));
      assert.deepEqual(world.said({ user: person }, bot), ["1: hello", "2: hello"]);
    }));
});

async function inWorld(settings: Settings, play: (world: World) => Promise<void>): Promise<void> {
  const world = await startWorld({ wrapper: counting, settings: { REPLY_BUDGET_PER_MINUTE: 0, ...settings } });
  try {
    await play(world);
  } finally {
    await world.close();
  }
}

interface Counted {
  cost: Cost;
  others: Others;
  /** Of each callback that was acknowledged with 200. */
  awaited: unknown[];
}

/** What is asked for from now on, when it is quiet, until `play` has ended and nothing more is asked for. */
async function cost(world: World, play: () => Promise<void>): Promise<Counted> {
  const before = { log: world.log.length, rest: world.emulator.restCalls().length };
  await play();
  await isQuiet(world);

  const lines = world.log.slice(before.log).split("\n").filter((line) => line.startsWith('{"event":')).map((line) => JSON.parse(line));
  const of = (event: string) => lines.filter((line) => line.event === event);
  const sum = (what: "read" | "written") => of("ran").reduce((total, ran) => total + ran[what], 0);
  const calls: string[] = of("called").filter(({ by }) => by === "object").map(({ what }) => what);
  const isKv = (what: string) => what.startsWith("kv.");
  return {
    cost: {
      statements: of("ran").length,
      read: sum("read"),
      written: sum("written"),
      setAlarm: calls.filter((what) => what === "setAlarm").length,
      requests: of("asked").length,
      alarms: of("alarm").length,
      kv: calls.filter(isKv).length,
      rest: world.emulator.restCalls().length - before.rest,
    },
    others: calls.filter((what) => what !== "setAlarm" && !isKv(what)),
    awaited: of("acknowledged").filter(({ status }) => status === 200).map(({ awaited }) => awaited),
  };
}

function isWithin(path: keyof typeof bounds, { cost, others: called, awaited }: Counted, bound: Cost = bounds[path]): void {
  for (const what of Object.keys(bound) as (keyof Cost)[]) {
    assert.ok(cost[what] <= bound[what], `${path}: ${what} is ${cost[what]}, and may be ${bound[what]}: ${JSON.stringify(cost)}`);
  }
  assert.deepEqual([path, called], [path, others[path] ?? []]);
  assert.equal(awaited.length, bound.requests, "A callback has no 200.");
  for (const calls of awaited) assert.deepEqual([path, calls], [path, AWAITED]);
}

function plus(one: Cost, other: Cost): Cost {
  return Object.fromEntries(Object.entries(one).map(([what, n]) => [what, n + other[what as keyof Cost]])) as unknown as Cost;
}

function times(cost: Cost, factor: number): Cost {
  return Object.fromEntries(Object.entries(cost).map(([what, n]) => [what, n * factor])) as unknown as Cost;
}

/** Says this to the bot, one after the other and without waiting for its answers, until all have one. */
async function answered(world: World, texts: string[]): Promise<void> {
  const ids = [];
  for (const text of texts) ids.push(await world.rehearse(text, person));
  for (const id of ids) assert.equal((await world.ended(id)).outcome, "answered");
}

async function post(world: World, said: Said, status: string): Promise<void> {
  const { body } = await world.post(afterMessage({ sender: person, to: { user: bot }, ...said }, { bot }), { bot });
  assert.equal(body.status, status);
}

/** Waits until an object has called this once more. */
function hasCalled(world: World, what: string): Promise<void> {
  const times = () => world.lines("called").filter((line) => line["what"] === what).length;
  const before = times();
  return eventually(() => assert.ok(times() > before, `Nobody has called ${what}.`), { within: 60_000 });
}

/**
 * Waits until nothing has been asked for, for longer than until the last confirmations are written, and for less than
 * after which workerd takes an idle object out of memory.
 */
async function isQuiet(world: World): Promise<void> {
  for (let length = -1; length !== world.log.length; ) {
    length = world.log.length;
    await sleep(5_500);
  }
}
