// Everything that must be there before anything can be built.

import { ensureCargoTools } from "./cargo-tools.mjs";
import { ensureNodeModules } from "./npm.mjs";
import { ensureRust } from "./rust.mjs";

/**
 * Installs what is missing, and nothing else: in a project that is set up it returns within a fraction of a second.
 *
 * @throws {Problem} if something is missing that cannot be installed from here
 */
export async function setUp() {
  await ensureRust();
  await ensureNodeModules();
  await ensureCargoTools();
}
