// A program that runs beside the script until the script ends: quiet while it starts, in view from then on.

import { start } from "./child.mjs";
import { root } from "./paths.mjs";
import { answers } from "./port.mjs";
import { Problem } from "./problem.mjs";

const START_DEADLINE_MS = 60_000;

/**
 * Starts a service and waits until its URL answers. What it says until then is shown only if it does not get that far.
 *
 * @param {{ name: string, url: string, inView: boolean }} service `inView`: show everything from the beginning
 * @param {string} program
 * @param {readonly string[]} args
 * @param {NodeJS.ProcessEnv} [env] added to the script's own
 * @returns {Promise<{ end: Promise<never> }>} once it answers; `end` rejects when the service ends by itself
 * @throws {Problem} if it ends or stays silent
 */
export async function startService({ name, url, inView }, program, args, env = {}) {
  const child = start(program, args, { cwd: root, env: { ...process.env, ...env } });
  let kept = "";
  let quiet = !inView;
  let ended = false;
  for (const stream of [child.stdout, child.stderr]) {
    stream?.setEncoding("utf8").on("data", (text) => {
      if (quiet) kept += text;
      else process.stdout.write(text);
    });
  }
  /** @type {Promise<never>} */
  const end = new Promise((_, reject) => {
    child.once("error", (error) => {
      ended = true;
      reject(error);
    });
    child.once("close", (status) => {
      ended = true;
      reject(new Problem(`${name} has ended by itself (status ${status}): its last words are above.`));
    });
  });
  end.catch(() => {});

  const answered = await answers(url, () => ended, START_DEADLINE_MS);
  quiet = false;
  if (!answered) {
    const what = ended ? "ended at once" : `does not answer at ${url}`;
    throw new Problem(`${kept.trimEnd()}\n\n${name} ${what}: its output is above.`);
  }
  return { end };
}
