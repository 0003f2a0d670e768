/** What is measured, when, and on what. */

import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { availableParallelism, cpus, loadavg } from "node:os";
import { join } from "node:path";

import { rehearsalBuild, root } from "../../scripts/lib/paths.mjs";

/** Read at the start: what is measured is of this moment. */
const build = createHash("sha256").update(readFileSync(join(rehearsalBuild, "index_bg.wasm"))).digest("hex").slice(0, 12);

export function conditions() {
  const git = (...args: string[]) => {
    try {
      return execFileSync("git", args, { cwd: root, encoding: "utf8" }).trim();
    } catch {
      return "unknown";
    }
  };
  const load = loadavg()[0] ?? 0;
  return {
    commit: git("rev-parse", "--short", "HEAD"),
    build,
    date: new Date().toISOString().slice(0, 10),
    machine: `${availableParallelism()} cores (${cpus()[0]?.model ?? "unknown"}), load ${load.toFixed(1)}, Node ${process.version}`,
  };
}
