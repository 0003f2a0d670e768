// Command lines: `--help` everywhere, and an unknown option is a sentence and not a stack.

// As a whole and not by name: an older Node has no `parseArgs`, and must live to be told that it is too old.
import util from "node:util";

import { Problem } from "./problem.mjs";

/**
 * Reads the command line. Prints the help and ends the script if that is asked for.
 *
 * @template {import("node:util").ParseArgsConfig["options"] & {}} T
 * @param {string} help
 * @param {T} options
 */
export function readOptions(help, options) {
  const config = { options: { ...options, help: { type: /** @type {const} */ ("boolean"), short: "h" } } };
  /** @type {ReturnType<typeof util.parseArgs<typeof config>>} */
  let parsed;
  try {
    parsed = util.parseArgs(config);
  } catch (error) {
    const reason = error instanceof Error ? error.message.split(". ")[0] : String(error);
    throw new Problem(`${reason?.replace(/\.$/, "")}. See --help.`);
  }
  if (/** @type {{ help?: boolean }} */ (parsed.values).help) {
    console.log(help.trim());
    process.exit(0);
  }
  return parsed.values;
}

/**
 * The number that an option gives.
 *
 * @param {string} option
 * @param {string} value
 * @param {number} least
 * @param {number} greatest
 */
export function whole(option, value, least, greatest) {
  const number = Number(value);
  if (value.trim() !== "" && Number.isInteger(number) && number >= least && number <= greatest) return number;
  throw new Problem(`${option} takes a whole number from ${least} to ${greatest}, not ${JSON.stringify(value)}.`);
}

/**
 * The names that an option gives, all that are known by default.
 *
 * @param {string} option
 * @param {string | undefined} given separated by commas
 * @param {string[]} known
 */
export function chosen(option, given, known) {
  if (given === undefined) return known;
  const stranger = given.split(",").find((name) => !known.includes(name));
  if (stranger === undefined) return given.split(",");
  throw new Problem(`${option} takes ${known.join(", ")}, separated by commas, not ${JSON.stringify(stranger)}.`);
}
