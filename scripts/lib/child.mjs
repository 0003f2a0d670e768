// Child processes that never outlive the script that started them.
//
// Each child leads a process group of its own, so that what it starts in turn (npm starts sh starts cargo starts
// rustc) can be stopped along with it, and so that Ctrl-C in a terminal reaches this script first and alone.

import { spawn } from "node:child_process";

/** How long a process group may take to end by itself before it is killed. */
const GRACE_MS = 5_000;

/** @type {Set<number>} */
const groups = new Set();

let stopping = false;

/** What a shell reports for a program that a signal ended: 128 and the signal's number. */
const endedBySignal = { SIGHUP: 129, SIGINT: 130, SIGTERM: 143 };

/**
 * Makes a signal that asks this script to end an ordinary way of ending it. For a script that runs until then.
 */
export function endsWhenAsked() {
  endedBySignal.SIGHUP = endedBySignal.SIGINT = endedBySignal.SIGTERM = 0;
}

/** Whether this script has been told to end. What its children say from then on is no news. */
export const isStopping = () => stopping;

/**
 * Starts a program in a process group of its own. Errors of starting it (no such program) arrive as the child's
 * `error` event, as with `spawn`.
 *
 * @param {string} program
 * @param {readonly string[]} args
 * @param {import("node:child_process").SpawnOptions} [options]
 */
export function start(program, args, options = {}) {
  if (stopping) throw new Error(`Not starting ${program}: this script is being stopped.`);
  const child = spawn(program, args, { stdio: ["ignore", "pipe", "pipe"], ...options, detached: true });
  const group = child.pid;
  if (group !== undefined) {
    groups.add(group);
    child.once("exit", () => {
      if (!isAlive(group)) groups.delete(group);
    });
  }
  return child;
}

/** Stops every group that is still there: politely, then, after a few seconds, for good. */
export async function stopAll() {
  for (const group of groups) signal(group, "SIGTERM");
  const deadline = Date.now() + GRACE_MS;
  while (groups.size > 0) {
    for (const group of groups) if (!isAlive(group)) groups.delete(group);
    if (groups.size === 0) return;
    if (Date.now() > deadline) {
      for (const group of groups) signal(group, "SIGKILL");
      groups.clear();
      return;
    }
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

/** @param {number} group @param {NodeJS.Signals | 0} name */
function signal(group, name) {
  try {
    process.kill(-group, name);
    return true;
  } catch {
    return false; // nobody is left in the group
  }
}

/** @param {number} group */
const isAlive = (group) => signal(group, 0);

/** @param {keyof typeof endedBySignal} name */
async function end(name) {
  // npm passes a Ctrl-C on that the terminal has delivered already.
  if (stopping) return;
  stopping = true;
  await stopAll();
  process.exit(endedBySignal[name]);
}

for (const name of /** @type {const} */ (["SIGINT", "SIGTERM", "SIGHUP"])) process.on(name, end);

// npm runs scripts through a shell, and a SIGTERM for npm ends that shell without reaching the script.
if (process.env["npm_lifecycle_event"]) {
  const shell = process.ppid;
  setInterval(() => {
    if (process.ppid !== shell) void end("SIGTERM");
  }, 300).unref();
}
