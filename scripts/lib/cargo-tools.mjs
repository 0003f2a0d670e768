// The two tools that are built from source into .tools: `worker-build`, and the `wasm-bindgen` that fits Cargo.lock.

import { existsSync, readFileSync } from "node:fs";
import { rm } from "node:fs/promises";
import { join } from "node:path";

import { program, tools } from "./paths.mjs";
import { Problem } from "./problem.mjs";
import { step } from "./progress.mjs";
import { capture, outputOf } from "./run.mjs";
import { lockedVersion, workerBuild } from "./versions.mjs";

/** Both share their compiled dependencies while they are being installed. */
const targetFolder = join(tools, "target");

/**
 * Sees to it that both tools are there, each in its right version.
 *
 * @throws {Problem} if one cannot be built
 */
export async function ensureCargoTools() {
  const wanted = [
    { crate: "wasm-bindgen-cli", version: lockedVersion("wasm-bindgen"), binary: program.wasmBindgen },
    { crate: "worker-build", version: workerBuild, binary: program.workerBuild },
  ];
  const missing = wanted.filter((tool) => !isInstalled(tool));
  if (missing.length === 0) return;
  await checkBuildTools();
  for (const tool of missing) await install(tool);
  // Half a gigabyte that is of no use until a version changes.
  await rm(targetFolder, { recursive: true, force: true });
}

/** @typedef {{ crate: string, version: string, binary: string }} Tool */

/** @param {Tool} tool */
function isInstalled({ crate, version, binary }) {
  const ledger = join(tools, ".crates.toml");
  return existsSync(binary) && existsSync(ledger) && readFileSync(ledger, "utf8").includes(`"${crate} ${version} `);
}

/** A linker that is missing would otherwise be told after minutes, and in many more words. */
async function checkBuildTools() {
  if (!(await capture("cc", ["--version"]))) {
    throw new Problem(
      "There is no C compiler, which Rust links with: install one (Debian and Ubuntu: `sudo apt-get install gcc`; Fedora: `sudo dnf install gcc`; macOS: `xcode-select --install`).",
    );
  }
  // worker-build links the system's TLS, which on Linux is OpenSSL.
  if (process.platform !== "linux") return;
  const openssl = await capture("pkg-config", ["--exists", "openssl"]);
  if (openssl?.status !== 0 && !process.env["OPENSSL_DIR"]) {
    throw new Problem(
      "The headers of OpenSSL are missing, which worker-build is compiled with: install them (Debian and Ubuntu: `sudo apt-get install pkg-config libssl-dev`; Fedora: `sudo dnf install pkgconf openssl-devel`).",
    );
  }
}

/**
 * Without optimisation, because that takes three times as long to build and saves less than a second a run.
 *
 * @param {Tool} tool
 */
async function install({ crate, version }) {
  const args = ["install", "--debug", "--root", tools, crate, "--version", `=${version}`];
  const env = { ...process.env, CARGO_PROFILE_DEV_DEBUG: "0", CARGO_TARGET_DIR: targetFolder };
  const cure = `${crate} could not be built: see the message above.`;
  let asReleased = true;
  await step(`Building ${crate} ${version}`, "1 to 2 min, once", async () => {
    try {
      await outputOf(cure, "cargo", [...args, "--locked"], { env });
    } catch (error) {
      // The tool's own lock may name a version that was withdrawn since, or that a mirror does not have yet.
      asReleased = !(error instanceof Problem && error.message.includes("failed to select a version"));
      if (asReleased) throw error;
      await outputOf(cure, "cargo", args, { env });
    }
  });
  if (!asReleased) {
    console.log(`  Some dependencies of ${crate} cannot be had in the versions it was released with: others that fit took their place.`);
  }
}
