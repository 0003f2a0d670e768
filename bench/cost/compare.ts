/** All contenders under the same load, one after the other and in rounds, each in a workerd of its own. */

import type { Bundle } from "./bundle.ts";
import type { Contender } from "./contenders.ts";
import type { Line } from "./load.ts";
import type { Asked } from "./sink.ts";
import { Stage } from "./stage.ts";

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

export async function compare(options: CompareOptions): Promise<Map<string, Result>> {
  const { contenders, bundles, rounds, progress } = options;
  const results = new Map<string, Result>();
  for (const { name } of contenders) results.set(name, { rounds: [], counted: {}, gzip: bundles.get(name)!.gzip });
  for (let n = 0; n < rounds; n += 1) {
    for (const contender of contenders) {
      const words = (what: string) => progress(`round ${n + 1} of ${rounds}, ${contender.label}: ${what}`);
      const { round } = await measure(options, contender, false, words);
      results.get(contender.name)!.rounds.push(round);
    }
  }
  for (const contender of contenders) {
    const { counted } = await measure(options, contender, true, (what) => progress(`counting, ${contender.label}: ${what}`));
    results.get(contender.name)!.counted = counted;
  }
  return results;
}

async function measure(
  { bundles, messages, conversations, atOnce, quick }: CompareOptions,
  contender: Contender,
  isCounted: boolean,
  progress: (words: string) => void,
): Promise<{ round: Round; counted: Record<string, number> }> {
  const stage = await Stage.set({ contender, bundle: bundles.get(contender.name)!, isCounted, atOnce, quick, mayBeMissing: !contender.mustAnswer });
  try {
    const { load } = stage;
    // The same conversations as are measured: a conversation is new once, and goes on for days.
    const warmUp = Math.max(conversations, messages / 4);
    await stage.use(() => load.post(lines(warmUp, conversations), (done) => progress(`${done} of ${warmUp} to warm up`)));
    if (isCounted) await stage.counted();
    let asked: Asked[] = [];
    const { cpuMs } = await stage.use(async () => {
      asked = await load.post(lines(messages, conversations), (done) => progress(`${done} of ${messages}`));
    });
    const counted = isCounted ? await stage.counted() : {};
    const answered = asked.filter(({ replies }) => replies > 0);
    for (const what in counted) counted[what]! /= answered.length;
    const took = (end: (one: Asked) => number) => answered.map((one) => end(one) - one.postedAt).sort((one, other) => one - other);
    const told = load.asked.filter(({ replies }) => replies > 0);
    const round = {
      cpuMs: cpuMs / answered.length,
      memory: stage.memory,
      acknowledgements: took(({ acknowledgedAt }) => acknowledgedAt!),
      replies: took(({ repliedAt }) => repliedAt!),
      extra: load.asked.reduce((sum, { wants, replies }) => sum + Math.max(0, replies - wants), 0),
      unanswered: load.asked.filter(({ replies }) => replies === 0).length,
      uncounted: told.length - new Set(told.map(({ peer, turn }) => `${peer} ${turn}`)).size,
    };
    return { round, counted };
  } finally {
    await stage.strike();
  }
}

/** Conversations take turns. */
function lines(messages: number, conversations: number): Line[] {
  return Array.from({ length: messages }, (_, n) => ({ peer: `person-${n % conversations}` }));
}
