// How big the worker is, and how big it may be.

import { readFileSync } from "node:fs";
import { gzipSync } from "node:zlib";

import { builtWasm } from "./paths.mjs";
import { Problem } from "./problem.mjs";

/** The platform takes 3 MB; this is what keeps a start from cold fast, and a heavy dependency from slipping in. */
const GZIP_BUDGET = 232 * 1024;

/**
 * @returns {string} the size of the built wasm, in words
 * @throws {Problem} if it is over the budget
 */
export function checkedSize() {
  const wasm = readFileSync(builtWasm);
  const gzip = gzipSync(wasm, { level: 9 }).length;
  const words = `wasm ${inKilobytes(wasm.length)}, gzip ${inKilobytes(gzip)} of ${inKilobytes(GZIP_BUDGET)}`;
  if (gzip <= GZIP_BUDGET) return words;
  throw new Problem(
    `The worker is too big: ${words}. Take out what was added last, or raise GZIP_BUDGET in scripts/lib/size.mjs if it is worth its weight.`,
  );
}

/** @param {number} bytes */
const inKilobytes = (bytes) => `${(bytes / 1024).toFixed(1)} KB`;
