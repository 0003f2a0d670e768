/** Where workers and their storage lie while they are measured: all of it goes when this process ends, however it ends. */

import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

const place = mkdtempSync(join(tmpdir(), "halley-bench-"));
process.once("exit", () => rmSync(place, { recursive: true, force: true }));

/** An empty folder. */
export function newFolder(): string {
  return mkdtempSync(join(place, "-"));
}
