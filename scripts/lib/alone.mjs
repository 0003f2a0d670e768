// Work that only one script at a time may do.

import { readFileSync, rmSync, statSync, writeFileSync } from "node:fs";

import { step } from "./progress.mjs";

/** Nothing takes that long: whoever left the file is gone, and its process id is another's by now. */
const LEFT_BEHIND_MS = 15 * 60_000;

/**
 * Waits until nobody else does the work that `file` stands for, and does it. A script that was killed meanwhile keeps
 * nobody waiting.
 *
 * @template T
 * @param {string} file is there while the work is done, with the process id of the script that does it
 * @param {() => Promise<T>} work
 * @returns {Promise<T>}
 */
export async function alone(file, work) {
  await step("Waiting for another build", "until it ends", async () => {
    while (!take(file)) await new Promise((resolve) => setTimeout(resolve, 50));
  });
  try {
    return await work();
  } finally {
    rmSync(file, { force: true });
  }
}

/** @param {string} file */
function take(file) {
  try {
    writeFileSync(file, String(process.pid), { flag: "wx" });
    return true;
  } catch (error) {
    if (/** @type {NodeJS.ErrnoException} */ (error).code !== "EEXIST") throw error;
  }
  if (isLeftBehind(file)) rmSync(file, { force: true });
  return false;
}

/** @param {string} file */
function isLeftBehind(file) {
  try {
    if (Date.now() - statSync(file).mtimeMs > LEFT_BEHIND_MS) return true;
    process.kill(Number(readFileSync(file, "utf8")), 0);
    return false;
  } catch (error) {
    // Anything else: the file is gone by now, or the script is somebody else's.
    return /** @type {NodeJS.ErrnoException} */ (error).code === "ESRCH";
  }
}
