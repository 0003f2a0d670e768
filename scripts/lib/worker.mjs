// Builds the worker: index.js and index_bg.wasm from the crate.

import { createHash } from "node:crypto";
import { existsSync, readFileSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { homedir } from "node:os";
import { basename, delimiter, dirname, join, relative } from "node:path";

import { alone } from "./alone.mjs";
import { withPlainEntry } from "./entry.mjs";
import { cargoLock, cargoManifest, devBuild, program, rehearsalBuild, releaseBuild, root, tools } from "./paths.mjs";
import { Problem } from "./problem.mjs";
import { behindProgress } from "./run.mjs";
import { setUp } from "./setup.mjs";
import { workerBuild } from "./versions.mjs";
import { bare } from "./wasm.mjs";

/** @typedef {{ folder: string, option: string, profile: string, features: string[], hasNames: boolean, first: string, again: string }} Kind */

/**
 * Optimised, for deployment.
 *
 * @type {Kind}
 */
export const release = {
  folder: releaseBuild,
  option: "--release",
  profile: "release",
  features: ["bundled"],
  hasNames: false,
  first: "1 to 2 min this first time",
  again: "about 20 s",
};

/**
 * The same with the bot that tests and the scorecard talk to.
 *
 * @type {Kind}
 */
export const rehearsal = { ...release, folder: rehearsalBuild, features: ["bundled", "rehearsal"] };

/**
 * Not optimised: big, and there in a few seconds after a change.
 *
 * @type {Kind}
 */
export const dev = {
  folder: devBuild,
  option: "--dev",
  profile: "debug",
  features: ["bundled", "rehearsal"],
  hasNames: true,
  first: "about 1 min this first time",
  again: "about 5 s",
};

/**
 * Whether a folder holds what the present sources give.
 *
 * @param {Kind} kind
 */
export const isBuilt = (kind) => readStamp(kind) === `${digest(inputFiles())}\n${digest(outputs(kind))}\n`;

/**
 * Builds the worker unless that has been done.
 *
 * @param {Kind} kind
 * @returns {Promise<boolean>} whether there was anything to do
 * @throws {Problem} if the crate does not compile
 */
export async function buildWorker(kind) {
  if (isBuilt(kind)) return false;
  await setUp();
  checkPrograms();
  // wrangler starts the next build while the one that it overtakes is still ending.
  return alone(join(tools, `building-${basename(kind.folder)}`), () => build(kind));
}

/** @param {Kind} kind */
async function build(kind) {
  if (isBuilt(kind)) return false;
  // Read before the build: an edit made while it runs is then seen by the next one.
  const inputs = digest(inputFiles());
  rmSync(stampOf(kind), { force: true });
  const hasDependencies = existsSync(join(root, "target", "wasm32-unknown-unknown", kind.profile));
  const output = await behindProgress(
    {
      title: kind === rehearsal ? "Building the worker with the rehearsal bot" : "Building the worker",
      about: hasDependencies ? kind.again : kind.first,
      cure: "The worker does not build: correct the error above.",
    },
    program.workerBuild,
    // After the path stand options of cargo's.
    [kind.option, "--out-dir", relative(root, kind.folder), ".", "--", "--features", kind.features.join()],
    { env: buildEnvironment() },
  );
  if (/^(\x1b\[[\d;]*m)*warning/m.test(output)) console.log(output.trimEnd());
  const script = join(kind.folder, "index.js");
  writeFileSync(script, withPlainEntry(readFileSync(script, "utf8")));
  if (!kind.hasNames) await shrink(join(kind.folder, "index_bg.wasm"));
  writeFileSync(stampOf(kind), `${inputs}\n${digest(outputs(kind))}\n`);
  return true;
}

/**
 * Takes out what nobody uses, and optimises what is left: with fewer roots, more of it falls.
 *
 * @param {string} wasm
 */
async function shrink(wasm) {
  writeFileSync(wasm, bare(readFileSync(wasm)));
  await behindProgress(
    {
      title: "Shrinking the worker",
      about: "about 15 s",
      cure: "wasm-opt does not take what worker-build made: run `npm run setup` and try again.",
    },
    program.wasmOpt,
    [wasm, "-O3", "--gufa", "-O3", ...features.map((feature) => `--enable-${feature}`), "-o", wasm],
    { env: buildEnvironment() },
  );
}

/** What worker-build lets wasm-opt use, and every workerd has. */
const features = [
  "mutable-globals",
  "sign-ext",
  "nontrapping-float-to-int",
  "bulk-memory",
  "multivalue",
  "reference-types",
  "exception-handling",
];

/** @param {Kind} kind */
const outputs = ({ folder }) => [join(folder, "index.js"), join(folder, "index_bg.wasm")];

/**
 * What the files in the folder were made from, and what they were when they were made.
 *
 * @param {Kind} kind
 */
const stampOf = ({ folder }) => join(folder, ".made-from");

/** @param {Kind} kind */
function readStamp(kind) {
  return existsSync(stampOf(kind)) ? readFileSync(stampOf(kind), "utf8") : undefined;
}

function inputFiles() {
  const sources = readdirSync(join(root, "src"), { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath ?? entry.path, entry.name))
    .sort();
  const makers = ["entry.mjs", "wasm.mjs"].map((name) => join(root, "scripts", "lib", name));
  return [cargoManifest, cargoLock, join(root, "rust-toolchain.toml"), ...makers, ...sources];
}

/**
 * By content and not by time: switching a branch there and back builds nothing.
 *
 * @param {readonly string[]} files
 */
function digest(files) {
  const hash = createHash("sha256").update(workerBuild);
  for (const file of files) {
    if (existsSync(file)) hash.update(`\0${relative(root, file)}\0`).update(readFileSync(file));
  }
  return hash.digest("hex");
}

/** worker-build downloads a program whose variable names a file that is not there, and says so only in passing. */
function checkPrograms() {
  for (const file of [program.wasmBindgen, program.wasmOpt, program.esbuild, program.workerBuild]) {
    if (existsSync(file)) continue;
    const folder = relative(root, file).split("/")[0];
    throw new Problem(`${relative(root, file)} is missing: delete the folder ${folder} and run \`npm run setup\`.`);
  }
}

function buildEnvironment() {
  const crates = join(process.env["CARGO_HOME"] ?? join(homedir(), ".cargo"), "registry", "src");
  return {
    ...process.env,
    // A panic names its file. The path of this machine is nobody else's business, and the same bytes come out everywhere.
    RUSTFLAGS: `${process.env["RUSTFLAGS"] ?? ""} --remap-path-prefix=${crates}=crates`.trim(),
    WASM_BINDGEN_BIN: program.wasmBindgen,
    WASM_OPT_BIN: program.wasmOpt,
    ESBUILD_BIN: program.esbuild,
    // wasm-opt is a script that asks for `node`: the pinned one comes first.
    PATH: `${dirname(program.node)}${delimiter}${process.env["PATH"] ?? ""}`,
    // Of worker-build's own code: it would follow every compile error.
    RUST_BACKTRACE: "0",
    CARGO_TERM_COLOR: process.env["CARGO_TERM_COLOR"] ?? (process.stdout.isTTY ? "always" : "auto"),
  };
}
