/** `npm run bench`: see scripts/bench.mjs, which has read the command line. */

import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { stopAll } from "../../scripts/lib/child.mjs";
import { conditions } from "../lib/conditions.ts";
import { progressOf } from "../lib/progress.ts";
import { bundle } from "./bundle.ts";
import { compare } from "./compare.ts";
import { contenders, YARDSTICK } from "./contenders.ts";
import { brokenIn, compareTables } from "./report.ts";

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
const folder = mkdtempSync(join(tmpdir(), "halley-bench-"));
try {
  process.exitCode = await main();
} finally {
  await stopAll();
  rmSync(folder, { recursive: true, force: true });
}

async function main(): Promise<number> {
  const { only, json } = options;
  const about = { ...options, ...conditions() };
  const chosen = contenders.filter(({ name }) => only.includes(name) || name === YARDSTICK);
  const bundles = new Map(chosen.map((contender) => [contender.name, bundle(contender, folder)]));
  const results = await compare({ ...options, contenders: chosen, bundles, progress: progressOf("Side by side") });
  const broken = brokenIn(results);
  if (json) {
    console.log(JSON.stringify({ conditions: about, compare: Object.fromEntries(results), broken }, null, 2));
  } else {
    const { commit, build, date, machine } = about;
    console.log(`\ncommit ${commit}, wasm ${build}, ${date}, ${machine}`);
    console.log(compareTables(chosen, results));
  }
  if (broken.length > 0) console.error(`\nBROKEN: ${broken.join("\nBROKEN: ")}`);
  return broken.length === 0 ? 0 : 1;
}
