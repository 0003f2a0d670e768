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
