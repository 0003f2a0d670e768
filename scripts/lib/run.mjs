// The three ways in which the scripts run a program: for its answer, behind a progress line, or in full view.

import { start } from "./child.mjs";
import { root } from "./paths.mjs";
import { Problem } from "./problem.mjs";
import { step } from "./progress.mjs";

/** @typedef {{ cwd?: string, env?: NodeJS.ProcessEnv }} RunOptions */

/**
 * Runs a program for its output. `undefined` if there is no such program.
 *
 * @param {string} program
 * @param {readonly string[]} args
 * @param {RunOptions} [options]
 * @returns {Promise<{ status: number, stdout: string, output: string } | undefined>} `output` is both streams, as they came
 */
export function capture(program, args, options = {}) {
  return new Promise((resolve, reject) => {
    const child = start(program, args, { cwd: root, ...options });
    let stdout = "";
    let output = "";
    child.stdout?.setEncoding("utf8").on("data", (text) => {
      stdout += text;
      output += text;
    });
    child.stderr?.setEncoding("utf8").on("data", (text) => {
      output += text;
    });
    child.once("error", (error) => {
      if (/** @type {NodeJS.ErrnoException} */ (error).code === "ENOENT") resolve(undefined);
      else reject(error);
    });
    child.once("close", (status) => resolve({ status: status ?? 1, stdout, output }));
  });
}

/**
 * Runs a program behind a progress line. Its output is kept back, and shown in full if it fails.
 *
 * @param {{ title: string, about: string, cure: string }} words `cure` is what to do when it fails, as a sentence
 * @param {string} program
 * @param {readonly string[]} args
 * @param {RunOptions} [options]
 * @returns {Promise<string>} the output
 * @throws {Problem} if it cannot be started or ends with another status than 0
 */
export async function behindProgress({ title, about, cure }, program, args, options) {
  return step(title, about, () => outputOf(cure, program, args, options));
}

/**
 * Runs a program within a step that has a progress line already.
 *
 * @param {string} cure what to do when it fails, as a sentence
 * @param {string} program
 * @param {readonly string[]} args
 * @param {RunOptions} [options]
 * @returns {Promise<string>} the output
 * @throws {Problem} if it cannot be started or ends with another status than 0
 */
export async function outputOf(cure, program, args, options) {
  const result = await capture(program, args, options);
  if (result?.status === 0) return result.output;
  const command = [program, ...args].join(" ");
  const output = result ? result.output.trimEnd() : `There is no program ${program}.`;
  throw new Problem(`${output}\n\nFailed: ${command}\n${cure}`);
}

/**
 * Runs a program with its output in full view.
 *
 * @param {string} program
 * @param {readonly string[]} args
 * @param {RunOptions} [options]
 * @returns {Promise<number>} its exit status
 */
export function inView(program, args, options = {}) {
  return new Promise((resolve, reject) => {
    const child = start(program, args, { cwd: root, stdio: ["ignore", "inherit", "inherit"], ...options });
    child.once("error", reject);
    child.once("close", (status) => resolve(status ?? 1));
  });
}
