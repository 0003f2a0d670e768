/** Halley alone: what a message costs when there is more and more of one thing. */

import { setTimeout as sleep } from "node:timers/promises";

import type { Bundle } from "./bundle.ts";
import type { Contender } from "./contenders.ts";
import type { Line } from "./load.ts";
import { BOT } from "./sink.ts";
import { Stage } from "./stage.ts";

export interface GrowthOptions {
  halley: Contender;
  bundle: Bundle;
  /** Names of lines. */
  lines: string[];
  quick: boolean;
  atOnce: number;
  progress: (words: string) => void;
}

/** One value of what a line varies. */
interface Point {
  /** As it is shown. */
  at: string;
  x: number;
  /** Brings the conversations to where they are measured. */
  prepare: (stage: Stage, progress: (done: number) => void) => Promise<unknown>;
  /** What is measured, three times over: so many messages. */
  window: (stage: Stage, n: number) => Promise<unknown>;
  messages: number;
  /** Beside those of every point. */
  settings?: Record<string, object>;
}

interface LineOf {
  name: string;
  varies: string;
  /** Why it may grow. */
  note: string;
  points: Point[];
}

export interface PointResult {
  at: string;
  x: number;
  /** Of each window, in milliseconds for each message; sorted. */
  cpuMs: number[];
  /** For each message, of all kinds. */
  writtenBytes: number;
  memory: number;
  /** For each message. */
  counted: Record<string, number>;
}

export interface LineResult {
  name: string;
  varies: string;
  note: string;
  points: PointResult[];
}

const WINDOWS = 3;

/** Other conversations, so that the code is warm: the longer a point prepares itself, the warmer it would be otherwise. */
const WARM_UP = 500;

/** workerd puts an object out of memory that has had nothing to do for 10 s. */
const IDLE_MS = 11_000;

/** Nothing rests while it is measured: what that costs is a matter of time and not of messages. */
const settings = { REST_AFTER_SECONDS: 86_400 };

export async function growth(options: GrowthOptions): Promise<LineResult[]> {
  const results: LineResult[] = [];
  for (const { name, varies, note, points } of lines(options.quick).filter((line) => options.lines.includes(line.name))) {
    const measured: PointResult[] = [];
    for (const point of points) measured.push(await measure(options, point, (words) => options.progress(`${name}, ${point.at}: ${words}`)));
    results.push({ name, varies, note, points: measured });
  }
  return results;
}

/** A quick look counts and measures at once, and what the counting costs is in the figures. */
async function measure({ halley, bundle, quick, atOnce }: GrowthOptions, point: Point, progress: (words: string) => void): Promise<PointResult> {
  const stage = await Stage.set({ contender: halley, bundle, isCounted: quick, atOnce, quick, settings: { ...settings, ...point.settings } });
  const { load } = stage;
  const window = (n: number) => stage.use(() => point.window(stage, n));
  try {
    await stage.use(async () => {
      const warmUp = quick ? WARM_UP / 5 : WARM_UP;
      await load.post(spread("warm", warmUp, 50), (done) => progress(`${done} of ${warmUp} to warm up`));
      await point.prepare(stage, (done) => progress(`preparing, ${done}`));
      await load.replies();
      // Once without being measured, so that every object is awake.
      await point.window(stage, 0);
    });
    if (quick) await stage.counted();
    const used = [];
    for (let n = 1; n <= (quick ? 1 : WINDOWS); n += 1) {
      progress(`measuring, ${n}`);
      used.push(await window(n));
    }
    const { memory } = stage;
    if (!quick) {
      progress("counting");
      await stage.count();
      await window(WINDOWS + 1);
      await stage.counted();
      await window(WINDOWS + 2);
    }
    const counted = await stage.counted();
    for (const what in counted) counted[what]! /= point.messages;
    const extra = load.asked.reduce((sum, { wants, replies }) => sum + replies - wants, 0);
    if (extra > 0) throw new Error(`${extra} replies too many.`);
    return {
      at: point.at,
      x: point.x,
      cpuMs: used.map(({ cpuMs }) => cpuMs / point.messages).sort((one, other) => one - other),
      writtenBytes: used.reduce((sum, { writtenBytes }) => sum + writtenBytes, 0) / used.length / point.messages,
      memory,
      counted,
    };
  } finally {
    await stage.strike();
  }
}

function lines(quick: boolean): LineOf[] {
  return [
    {
      name: "behind",
      varies: "messages behind it, in one conversation",
      note: "An index of ids gets deeper.",
      points: (quick ? [10, 1_000] : [10, 1_000, 100_000]).map((x) => behind(x, quick ? 50 : 200)),
    },
    {
      name: "inbox",
      varies: "messages that wait in the inbox of a conversation, when its first turn begins",
      note: "A conversation's first message makes the table and reads KV, which all that wait share; what waits far behind it is read back.",
      points: (quick ? [1, 100] : [1, 100, 1_000]).map((x) => inbox(x, quick ? 100 : 1_000)),
    },
    {
      name: "state",
      varies: "bytes of the bot's state, which every turn changes",
      note: "A turn reads, writes and stores its whole state.",
      points: (quick ? [100, 1_000_000] : [100, 10_000, 1_000_000]).map((x) => state(x, quick ? 20 : x > 100_000 ? 60 : 300)),
    },
    {
      name: "replies",
      varies: "replies of a turn",
      note: "Each reply is a request and a row that comes and goes.",
      points: (quick ? [1, 100] : [1, 10, 100]).map((x) => replies(x, Math.max(5, (quick ? 50 : 400) / x))),
    },
    {
      name: "conversations",
      varies: "conversations, of which up to 600 get a message after having been idle",
      note: "An index of objects gets larger, and so does the process.",
      points: (quick ? [50, 500] : [100, 1_000, 10_000]).map((x) => conversations(x, quick ? 50 : 600, quick)),
    },
    {
      name: "routes",
      varies: "routes of the bot, none of which is for the message: of ten, four are commands, five texts, and one is tried",
      note: "What is not looked up is tried in turn.",
      points: [10, 100, 1_000].map((x) => routes(x, quick ? 50 : 600)),
    },
  ];
}

function behind(x: number, messages: number): Point {
  const prepare: Point["prepare"] = (stage, progress) => stage.load.post(repeat(x, { peer: "old", text: "silent", wants: 0 }), progress);
  const window: Point["window"] = (stage) => stage.load.post(repeat(messages, { peer: "old" }));
  return { at: words(x), x, messages, prepare, window };
}

/** KV answers no read until all have arrived, and without it no first turn begins. */
function inbox(x: number, most: number): Point {
  const peers = Math.max(1, Math.min(200, most / x));
  const window: Point["window"] = async ({ load, kv }, n) => {
    kv.hold();
    await load.post(Array.from({ length: x * peers }, (_, k) => ({ peer: `full-${n}-${k % peers}` })));
    if (load.sink.missing < x * peers) throw new Error("A turn has not waited for KV, so the inbox was never full.");
    kv.release();
  };
  return { at: words(x), x, messages: x * peers, prepare: async () => undefined, window };
}

function state(x: number, messages: number): Point {
  const peers = 10;
  const prepare: Point["prepare"] = (stage) =>
    stage.load.post(Array.from({ length: peers }, (_, n) => ({ peer: `person-${n}`, text: `fill ${x}` })));
  const window: Point["window"] = (stage) => stage.load.post(spread("person", messages, peers));
  return { at: `${words(x)} B`, x, messages, prepare, window };
}

/** One message to each conversation at a time: which message `1 of 10` answers is only known so. */
function replies(x: number, messages: number): Point {
  const line = (n: number): Line => ({ peer: `person-${n}`, text: `say ${x}`, wants: x });
  const window: Point["window"] = (stage) => stage.load.post(Array.from({ length: messages }, (_, n) => line(n)));
  return { at: words(x), x, messages, prepare: async () => undefined, window };
}

/** A message to each of some of them, which have been idle until workerd has put them out of memory; quickly, without that. */
function conversations(x: number, messages: number, quick: boolean): Point {
  const prepare: Point["prepare"] = (stage, progress) => stage.load.post(spread("person", x, x), progress);
  const chosen = Math.min(x, messages);
  const step = Math.floor(x / chosen);
  const window: Point["window"] = async (stage) => {
    if (!quick) await sleep(IDLE_MS);
    await stage.load.post(Array.from({ length: chosen }, (_, n) => ({ peer: `person-${n * step}` })));
  };
  return { at: words(x), x, messages: chosen, prepare, window };
}

/** The bot `rehearsal` behind so many routes: src/bots/rehearsal.rs. */
function routes(x: number, messages: number): Point {
  const window: Point["window"] = (stage) => stage.load.post(spread("person", messages, 20));
  return { at: words(x), x, messages, prepare: async () => undefined, window, settings: { BOTS: { [BOT]: `rehearsal-${x}` } } };
}

/** Conversations take turns. */
function spread(name: string, messages: number, among: number): Line[] {
  return Array.from({ length: messages }, (_, n) => ({ peer: `${name}-${n % among}` }));
}

function repeat(times: number, line: Line): Line[] {
  return Array.from({ length: times }, () => line);
}

function words(n: number): string {
  return n.toLocaleString("en");
}
