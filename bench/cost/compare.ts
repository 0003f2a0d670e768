/** All contenders under the same load, in rounds, each beside the yardstick and in a workerd of its own. */

import type { Bundle } from "./bundle.ts";
import type { Contender } from "./contenders.ts";
import { YARDSTICK } from "./contenders.ts";
import type { Line } from "./load.ts";
import type { Asked } from "./sink.ts";
import { settle, Stage } from "./stage.ts";

export interface CompareOptions {
  contenders: Contender[];
  bundles: Map<string, Bundle>;
  rounds: number;
  messages: number;
  conversations: number;
  atOnce: number;
  quick: boolean;
  progress: (words: string) => void;
}

/** One contender in one round. */
export interface Round {
  cpuMs: number;
  /** To the yardstick that ran beside it. */
  ratio: number;
  memory: number;
  /** Milliseconds from a callback to its 200, and to its reply; sorted. */
  acknowledgements: number[];
  replies: number[];
  /** Replies beyond the one that each message asks for. */
  extra: number;
  /** Messages that were acknowledged and never answered. */
  unanswered: number;
  /** Turns that the state does not know of: two messages were given the same number. */
  uncounted: number;
}

export interface Result {
  rounds: Round[];
  /** For each callback answered. */
  counted: Record<string, number>;
  gzip: number;
}

/** How often the two of a pair take turns in a round. What else the machine does then meets both. */
const TURNS = 8;

export async function compare(options: CompareOptions): Promise<Map<string, Result>> {
  const { contenders, bundles, rounds, progress } = options;
  const results = new Map<string, Result>();
  for (const { name } of contenders) results.set(name, { rounds: [], counted: {}, gzip: bundles.get(name)!.gzip });
  const yardstick = contenders.find(({ name }) => name === YARDSTICK)!;
  for (let n = 0; n < rounds; n += 1) {
    for (const contender of contenders) {
      if (contender === yardstick && contenders.length > 1) continue;
      const words = (what: string) => progress(`round ${n + 1} of ${rounds}, ${contender.label}: ${what}`);
      const [beside, round] = await race(options, yardstick, contender, words);
      results.get(YARDSTICK)!.rounds.push({ ...beside, ratio: 1 });
      if (contender !== yardstick) results.get(contender.name)!.rounds.push({ ...round, ratio: round.cpuMs / beside.cpuMs });
    }
  }
  for (const contender of contenders) {
    results.get(contender.name)!.counted = await count(options, contender, (what) => progress(`counting, ${contender.label}: ${what}`));
  }
  return results;
}

/** A contender beside the yardstick, in turns. */
async function race(
  options: CompareOptions,
  yardstick: Contender,
  contender: Contender,
  progress: (words: string) => void,
): Promise<[Omit<Round, "ratio">, Omit<Round, "ratio">]> {
  const { messages, conversations, quick } = options;
  const stages: Stage[] = [];
  try {
    for (const one of [yardstick, contender]) stages.push(await stageOf(options, one, false));
    // The same conversations as are measured: a conversation is new once, and goes on for days.
    for (const stage of stages) {
      const words = (done: number) => progress(`${done} of ${warmUp(options)} to warm up`);
      await stage.answer(() => stage.load.post(lines(warmUp(options), conversations), words));
    }
    await settle(quick);
    const before = stages.map(({ used }) => used.cpuMs);
    const asked: Asked[][] = [[], []];
    for (let turn = 0; turn < TURNS; turn += 1) {
      for (const [n, stage] of stages.entries()) {
        const part = lines(messages, conversations).slice((messages * turn) / TURNS, (messages * (turn + 1)) / TURNS);
        asked[n]!.push(...(await stage.answer(() => stage.load.post(part))));
      }
      progress(`${asked[1]!.length} of ${messages}`);
    }
    await settle(quick);
    const rounds = stages.map((stage, n) => roundOf(stage, asked[n]!, stage.used.cpuMs - before[n]!));
    return [rounds[0]!, rounds[1]!];
  } finally {
    for (const stage of stages) await stage.strike();
  }
}

function roundOf({ load, memory }: Stage, asked: Asked[], cpuMs: number): Omit<Round, "ratio"> {
  const answered = asked.filter(({ replies }) => replies > 0);
  const took = (end: (one: Asked) => number) => answered.map((one) => end(one) - one.postedAt).sort((one, other) => one - other);
  const told = load.asked.filter(({ replies }) => replies > 0);
  return {
    cpuMs: cpuMs / answered.length,
    memory,
    acknowledgements: took(({ acknowledgedAt }) => acknowledgedAt!),
    replies: took(({ repliedAt }) => repliedAt!),
    extra: load.asked.reduce((sum, { wants, replies }) => sum + Math.max(0, replies - wants), 0),
    unanswered: load.asked.filter(({ replies }) => replies === 0).length,
    uncounted: told.length - new Set(told.map(({ peer, turn }) => `${peer} ${turn}`)).size,
  };
}

/** What is asked of the platform for each callback answered, in a run of its own. */
async function count(options: CompareOptions, contender: Contender, progress: (words: string) => void): Promise<Record<string, number>> {
  const { messages, conversations } = options;
  const stage = await stageOf(options, contender, true);
  try {
    const { load } = stage;
    await stage.use(() => load.post(lines(conversations, conversations), (done) => progress(`${done} of ${conversations} to warm up`)));
    await stage.counted();
    let asked: Asked[] = [];
    await stage.use(async () => {
      asked = await load.post(lines(messages, conversations), (done) => progress(`${done} of ${messages}`));
    });
    const answered = asked.filter(({ replies }) => replies > 0).length;
    const counted = await stage.counted();
    return Object.fromEntries(Object.entries(counted).map(([what, times]) => [what, times / answered]));
  } finally {
    await stage.strike();
  }
}

function stageOf({ bundles, atOnce, quick }: CompareOptions, contender: Contender, isCounted: boolean): Promise<Stage> {
  return Stage.set({ contender, bundle: bundles.get(contender.name)!, isCounted, atOnce, quick, mayBeMissing: !contender.mustAnswer });
}

/** As many as are measured: until then the runtime is still optimising the code. */
const warmUp = ({ conversations, messages }: CompareOptions) => Math.max(conversations, messages);

/** Conversations take turns. */
function lines(messages: number, conversations: number): Line[] {
  return Array.from({ length: messages }, (_, n) => ({ peer: `person-${n % conversations}` }));
}
