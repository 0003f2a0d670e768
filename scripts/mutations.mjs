// npm run test:mutations

import { cpSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";

import { main } from "./lib/main.mjs";
import { mutations } from "./lib/mutations.mjs";
import { readOptions } from "./lib/options.mjs";
import { root } from "./lib/paths.mjs";
import { Problem } from "./lib/problem.mjs";
import { capture } from "./lib/run.mjs";

/** @typedef {import("./lib/mutations.mjs").Mutation} Mutation */

const help = `
Usage: npm run test:mutations [-- --only NAME[,NAME]] [-- --seeds NUMBER]

Breaks the engine on purpose, in one way after the other, and runs the simulation (at most --seeds seeds, 60000 by
default): each time it has to fail. Works on a copy of the sources in target/mutations.

${mutations.map(({ name, what }) => `  ${name.padEnd(20)}${what}`).join("\n")}
`;

const copy = join(root, "target", "mutations");

const tests = ["simulation::even_seeds", "simulation::odd_seeds"];

/** What the copy needs to compile. */
const sources = ["Cargo.toml", "Cargo.lock", "rust-toolchain.toml", "src"];

await main(async () => {
  const options = readOptions(help, { only: { type: "string" }, seeds: { type: "string", default: "60000" } });
  if (!/^[1-9]\d*$/.test(options.seeds)) throw new Problem(`--seeds takes a number, not ${JSON.stringify(options.seeds)}.`);
  const chosen = choose(options.only);
  for (const mutation of chosen) for (const edit of mutation.edits) mutated(mutation, edit, root);

  const sound = await simulate([], options.seeds, "100");
  if (sound.status !== 0) throw new Problem(`${sound.output.trimEnd()}\n\nThe simulation fails on the engine as it is.`);

  let survivors = 0;
  const width = Math.max(...chosen.map(({ what }) => what.length));
  for (const mutation of chosen) {
    const started = Date.now();
    const { status, output } = await simulate([mutation], options.seeds);
    const caught = /^Seed (\d+) breaks a promise: (.*)$/m.exec(output);
    if (status !== 0 && !caught) throw new Problem(`${output.trimEnd()}\n\n${mutation.name} does not compile.`);
    if (!caught) survivors += 1;
    const seconds = ((Date.now() - started) / 1000).toFixed(0);
    const verdict = caught ? `seed ${caught[1]}: ${caught[2]}` : "SURVIVED";
    console.log(`  ${mutation.what.padEnd(width)}  ${seconds.padStart(4)} s  ${verdict.slice(0, 120)}`);
  }
  console.log(`\n${chosen.length - survivors} of ${chosen.length} mutations were caught.`);
  return survivors === 0 ? 0 : 1;
});

/**
 * @param {string | undefined} only names, separated by commas
 * @returns {Mutation[]}
 */
function choose(only) {
  if (only === undefined) return mutations;
  return only.split(",").map((name) => {
    const mutation = mutations.find((candidate) => candidate.name === name);
    if (!mutation) throw new Problem(`There is no mutation named ${JSON.stringify(name)}: see --help.`);
    return mutation;
  });
}

/**
 * @param {Mutation} mutation
 * @param {import("./lib/mutations.mjs").Edit} edit
 * @param {string} folder where the file is, as it is before the edit
 * @returns {string} the file as it is after the edit
 */
function mutated({ name }, { file, search, replacement }, folder) {
  const parts = readFileSync(join(folder, file), "utf8").split(search);
  if (parts.length !== 2) {
    throw new Problem(
      `${name}: what it replaces stands in ${file} ${parts.length - 1} times, not once. Bring scripts/lib/mutations.mjs up to date.`,
    );
  }
  return parts.join(replacement);
}

/**
 * Runs the simulation on a copy of the sources.
 *
 * @param {Mutation[]} applied
 * @param {string} seeds
 * @param {string} [fewer] how many seeds are enough
 */
async function simulate(applied, seeds, fewer) {
  rmSync(join(copy, "src"), { recursive: true, force: true });
  mkdirSync(copy, { recursive: true });
  for (const source of sources) cpSync(join(root, source), join(copy, source), { recursive: true });
  for (const mutation of applied) {
    for (const edit of mutation.edits) writeFileSync(join(copy, edit.file), mutated(mutation, edit, copy));
  }
  const result = await capture("cargo", ["test", "--lib", "--quiet", "--", "--nocapture", ...tests], {
    cwd: copy,
    env: {
      ...process.env,
      CARGO_TARGET_DIR: join(copy, "target"),
      CARGO_PROFILE_TEST_DEBUG: "0",
      RUST_BACKTRACE: "0",
      SEEDS: fewer ?? seeds,
    },
  });
  if (!result) throw new Problem("There is no program cargo: see npm run setup.");
  return result;
}
