/** `npm run bench`: see scripts/bench.mjs, which has read the command line. */

import { stopAll } from "../../scripts/lib/child.mjs";
import { conditions } from "../lib/conditions.ts";
import { progressOf } from "../lib/progress.ts";
import { percentile } from "../lib/table.ts";
import { bundle } from "./bundle.ts";
import { cold } from "./cold.ts";
import type { Result } from "./compare.ts";
import { compare } from "./compare.ts";
import { contenders, YARDSTICK } from "./contenders.ts";
import { growth } from "./growth.ts";
import { newFolder } from "./place.ts";
import { brokenIn, coldTable, compareTables, growthTables, steepIn } from "./report.ts";

interface Options {
  /** Names of contenders. */
  only: string[];
  rounds: number;
  messages: number;
  conversations: number;
  atOnce: number;
  parts: string[];
  lines: string[];
  quick: boolean;
  json: boolean;
}

const options = JSON.parse(process.argv[2] ?? "{}") as Options;
const folder = newFolder();
try {
  process.exitCode = await main();
} catch (error) {
  console.error(`\nFAILED: ${error instanceof Error ? error.message : error}`);
  process.exitCode = 1;
} finally {
  await stopAll();
}

async function main(): Promise<number> {
  const { parts, only, lines, quick, json, atOnce } = options;
  const about = { ...options, ...conditions() };
  const show = (words: string) => {
    if (!json) console.log(words);
  };
  const { commit, build, date, machine } = about;
  show(`\ncommit ${commit}, wasm ${build}, ${date}, ${machine}`);
  const found: Record<string, unknown> = {};
  const broken: string[] = [];
  if (parts.includes("compare")) {
    const chosen = contenders.filter(({ name }) => only.includes(name) || name === YARDSTICK);
    const bundles = new Map(chosen.map((contender) => [contender.name, bundle(contender, folder)]));
    const results = await compare({ ...options, contenders: chosen, bundles, progress: progressOf("Side by side") });
    found["compare"] = Object.fromEntries([...results].map(([name, result]) => [name, inBrief(result)]));
    broken.push(...brokenIn(results));
    show(compareTables(chosen, results));
  }
  if (parts.includes("growth")) {
    const halley = contenders.find(({ name }) => name === "halley")!;
    const results = await growth({ halley, bundle: bundle(halley, folder), lines, quick, atOnce, progress: progressOf("Growth") });
    found["growth"] = results;
    broken.push(...steepIn(results));
    show(`\nHalley, for each message:\n${growthTables(results)}`);
  }
  if (parts.includes("cold")) {
    const halley = contenders.find(({ name }) => name === "halley")!;
    const results = await cold(halley, bundle(halley, folder), quick ? 5 : 20, progressOf("Cold starts"));
    found["cold"] = results;
    show(coldTable(results));
  }
  if (json) console.log(JSON.stringify({ conditions: about, ...found, broken }, null, 2));
  if (broken.length > 0) console.error(`\nBROKEN: ${broken.join("\nBROKEN: ")}`);
  return broken.length === 0 ? 0 : 1;
}

/** Without thousands of times. */
function inBrief({ rounds, ...result }: Result) {
  const shares = (sorted: number[]) => ({ p50: percentile(sorted, 0.5), p99: percentile(sorted, 0.99) });
  return {
    ...result,
    rounds: rounds.map(({ acknowledgements, replies, ...round }) => ({ ...round, acknowledgement: shares(acknowledgements), reply: shares(replies) })),
  };
}
