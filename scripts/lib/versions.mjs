// Which versions the project asks for, and how two versions compare.

import { readFileSync } from "node:fs";

import { cargoLock, cargoManifest } from "./paths.mjs";
import { Problem } from "./problem.mjs";

export const oldestNode = "20";

/** The tool that turns the crate into a worker. It belongs to the `worker` crate of the same version. */
export const workerBuild = "0.8.7";

/** The oldest compiler that the crate declares to build with. */
export function oldestRust() {
  const declared = /^rust-version = "([\d.]+)"$/m.exec(readFileSync(cargoManifest, "utf8"))?.[1];
  if (!declared) throw new Problem("Cargo.toml says no rust-version: put the line back.");
  return declared;
}

/**
 * The version of a crate that Cargo.lock has settled on. `wasm-bindgen`'s command line must equal it to the last digit:
 * the two talk in a format that changes with every release.
 *
 * @param {string} crate
 */
export function lockedVersion(crate) {
  for (const entry of readFileSync(cargoLock, "utf8").split("[[package]]")) {
    if (!entry.includes(`\nname = "${crate}"\n`)) continue;
    const version = /^version = "(.+)"$/m.exec(entry)?.[1];
    if (version) return version;
  }
  throw new Problem(`Cargo.lock has no ${crate}: run \`cargo generate-lockfile\`.`);
}

/**
 * Whether a version such as `1.95.0` or `v20.20.2` is at least `oldest`.
 *
 * @param {string} version
 * @param {string} oldest
 */
export function isAtLeast(version, oldest) {
  const numbers = (/** @type {string} */ text) => text.replace(/^v/, "").split(/[.-]/).map(Number);
  const have = numbers(version);
  for (const [place, wanted] of numbers(oldest).entries()) {
    const part = have[place] ?? 0;
    if (part !== wanted) return part > wanted;
  }
  return true;
}
