// The Rust toolchain: found, new enough, and with the wasm target. It is the user's own; only what rustup can add to it
// is ever added.

import { existsSync } from "node:fs";
import { join } from "node:path";

import { Problem } from "./problem.mjs";
import { step } from "./progress.mjs";
import { behindProgress, capture } from "./run.mjs";
import { isAtLeast, oldestRust } from "./versions.mjs";

const TARGET = "wasm32-unknown-unknown";

/**
 * @returns {Promise<string>} the toolchain's folder
 * @throws {Problem} if there is no usable Rust
 */
async function checkToolchain() {
  // rustup may fetch a toolchain that is missing before it answers, hence the step.
  const [cargo, rustc, sysroot] = await step("Looking at the Rust toolchain", "at once, unless rustup fetches one", () =>
    Promise.all([
      capture("cargo", ["--version"]),
      capture("rustc", ["--version"]),
      capture("rustc", ["--print", "sysroot"]),
    ]),
  );
  if (!cargo || !rustc || !sysroot) {
    throw new Problem(
      "Rust is missing (no `cargo` or no `rustc` on the PATH): install it with rustup, see https://rustup.rs, and open a new terminal.",
    );
  }
  if (cargo.status !== 0 || rustc.status !== 0 || sysroot.status !== 0) {
    const said = [cargo, rustc, sysroot].find((answer) => answer.status !== 0)?.output.trim();
    throw new Problem(`${said}\nRust is there but has no stable toolchain: run \`rustup toolchain install stable\`.`);
  }
  const version = /^rustc (\S+)/.exec(rustc.stdout)?.[1] ?? "0";
  const oldest = oldestRust();
  if (!isAtLeast(version, oldest)) {
    throw new Problem(`Rust ${version} is too old, ${oldest} or newer is needed: run \`rustup update stable\`.`);
  }
  return sysroot.stdout.trim();
}

/**
 * Sees to it that there is a Rust that compiles to wasm.
 *
 * @throws {Problem} if there is none and rustup cannot provide it
 */
export async function ensureRust() {
  const toolchain = await checkToolchain();
  if (existsSync(join(toolchain, "lib", "rustlib", TARGET, "lib"))) return;
  await rustup("target", TARGET);
}

/**
 * Sees to it that the formatter and the lints are there.
 *
 * @throws {Problem} if they are not and rustup cannot provide them
 */
export async function ensureLints() {
  const toolchain = await checkToolchain();
  for (const [component, program] of /** @type {const} */ ([["rustfmt", "cargo-fmt"], ["clippy", "cargo-clippy"]])) {
    if (!existsSync(join(toolchain, "bin", program))) await rustup("component", component);
  }
}

/** @param {"target" | "component"} kind @param {string} name */
async function rustup(kind, name) {
  await behindProgress(
    {
      title: `Adding the ${name} ${kind} to Rust`,
      about: "about 10 s",
      cure: `Rust lacks its ${kind} ${name}: run \`rustup ${kind} add ${name}\`, or install it the way you installed Rust.`,
    },
    "rustup",
    [kind, "add", name],
  );
}
