// How every script begins and ends.

import { isStopping, stopAll } from "./child.mjs";
import { Problem } from "./problem.mjs";
import { isAtLeast, oldestNode } from "./versions.mjs";

/**
 * Runs a script: checks that it can run here at all, shows a `Problem` as its message alone, and sets the exit code.
 *
 * @param {() => Promise<number | void>} run resolves to the exit code; nothing means 0
 */
export async function main(run) {
  try {
    checkSystem();
    process.exitCode = (await run()) ?? 0;
  } catch (error) {
    if (isStopping()) return;
    await stopAll();
    console.error(error instanceof Problem ? `\n${error.message}` : error);
    process.exitCode = 1;
  }
}

function checkSystem() {
  if (process.platform === "win32") {
    throw new Problem("Halley's tools need Linux or macOS: on Windows, use them inside WSL.");
  }
  if (!isAtLeast(process.version, oldestNode)) {
    throw new Problem(
      `Node ${process.version} is too old, ${oldestNode} or newer is needed: install it from https://nodejs.org or with your version manager.`,
    );
  }
}
