// npm test

import { main } from "./lib/main.mjs";
import { readOptions } from "./lib/options.mjs";
import { program } from "./lib/paths.mjs";
import { Problem } from "./lib/problem.mjs";
import { inView } from "./lib/run.mjs";
import { ensureLints } from "./lib/rust.mjs";
import { setUp } from "./lib/setup.mjs";
import { isBuilt, rehearsal, release } from "./lib/worker.mjs";

/** @typedef {{ name: string, what: string, command: [string, ...string[]], needsBuild?: boolean }} Step */

/** @param {string[]} files and options */
const nodeTests = (...files) => [
  // For node:sqlite, which is said to be experimental.
  "--disable-warning=ExperimentalWarning",
  ...["--test", "--test-reporter=spec", "--test-timeout=300000"],
  ...files,
];

/** @type {Step[]} */
const steps = [
  { name: "format", what: "Rust formatting", command: ["cargo", "fmt", "--check"] },
  { name: "lint", what: "Lints, native", command: ["cargo", "clippy", "--all-targets", "--all-features", "--", "-D", "warnings"] },
  // As it is deployed, without the rehearsal bot; the native lints see that one.
  {
    name: "lint-wasm",
    what: "Lints, wasm",
    command: ["cargo", "clippy", "--target", "wasm32-unknown-unknown", "--features", "bundled", "--", "-D", "warnings"],
  },
  {
    // For wasm, because src/edge is there in no other; and with private items, whose links break as easily.
    name: "doc",
    what: "Rust documentation",
    command: ["cargo", "rustdoc", "--target", "wasm32-unknown-unknown", "--features", "bundled", "--", "--document-private-items", "-D", "warnings"],
  },
  { name: "native", what: "Native tests and simulation", command: ["cargo", "test", "--features", "bundled,testing"] },
  { name: "types", what: "Types of scripts, emulator and tests", command: [program.node, program.tsc] },
  { name: "scripts", what: "Tests of the scripts", command: [program.node, ...nodeTests("tests/scripts/*.test.ts")] },
  { name: "emulator", what: "Tests of the emulator", command: [program.node, ...nodeTests("tests/emulator/**/*.test.ts")] },
  {
    name: "build",
    what: "Release build and its size, and the one that is tested",
    command: [process.execPath, "scripts/build.mjs", "--rehearsal"],
  },
  {
    name: "e2e",
    what: "End to end in workerd",
    // They wait more than they work, so more files at a time than there are processors.
    command: [program.node, ...nodeTests("--test-concurrency=4", "tests/*.test.ts")],
    needsBuild: true,
  },
];

const help = `
Usage: npm test [-- --only STEP[,STEP]]

Sets up what is missing and runs every test. With --only, just these steps, and what they need:

${steps.map(({ name, what }) => `  ${name.padEnd(10)}${what}`).join("\n")}
`;

/** @typedef {{ step: Step, outcome: "ok" | "FAILED" | "skipped", seconds: number }} Result */

await main(async () => {
  const options = readOptions(help, { only: { type: "string" } });
  const chosen = choose(options.only);
  await setUp();
  await ensureLints();

  /** @type {Result[]} */
  const results = [];
  for (const step of chosen) {
    console.log(`\n━━ ${step.what} (${step.name}) ━━`);
    // A build that is too big is still one that can be tested.
    const lacksBuild = step.needsBuild && ![release, rehearsal].every(isBuilt);
    results.push(lacksBuild ? { step, outcome: "skipped", seconds: 0 } : await run(step));
  }
  console.log(`\n${summary(results)}`);
  return results.every(({ outcome }) => outcome === "ok") ? 0 : 1;
});

/**
 * @param {string | undefined} only names, separated by commas
 * @returns {Step[]} in the order of `steps`
 */
function choose(only) {
  if (only === undefined) return steps;
  const names = new Set(only.split(","));
  for (const name of names) {
    const step = steps.find((candidate) => candidate.name === name);
    if (!step) throw new Problem(`There is no step named ${JSON.stringify(name)}: see npm test -- --help.`);
    if (step.needsBuild) names.add("build");
  }
  return steps.filter(({ name }) => names.has(name));
}

/**
 * @param {Step} step
 * @returns {Promise<Result>}
 */
async function run(step) {
  const [file, ...args] = step.command;
  const started = Date.now();
  const status = await inView(file, args);
  return { step, outcome: status === 0 ? "ok" : "FAILED", seconds: (Date.now() - started) / 1000 };
}

/** @param {Result[]} results */
function summary(results) {
  const width = Math.max(...results.map(({ step }) => step.what.length));
  const lines = results.map(
    ({ step, outcome, seconds }) => `  ${step.what.padEnd(width)}  ${outcome.padEnd(7)}  ${seconds.toFixed(1).padStart(6)} s`,
  );
  const total = results.reduce((sum, { seconds }) => sum + seconds, 0);
  return [...lines, `  ${"Total".padEnd(width)}  ${"".padEnd(7)}  ${total.toFixed(1).padStart(6)} s`].join("\n");
}
