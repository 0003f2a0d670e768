/** A contender's modules in a folder: the release build, or a worker that esbuild makes one file of. */

import { execFileSync } from "node:child_process";
import { cpSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { gzipSync } from "node:zlib";

import { program, rehearsalBuild } from "../../scripts/lib/paths.mjs";
import type { Contender } from "./contenders.ts";

const here = fileURLToPath(new URL(".", import.meta.url));

/** Modules of Node that packages import without `node:`, which is the only way in which workerd has them. */
const bare = ["async_hooks", "crypto", "path"];

export interface Bundle {
  folder: string;
  /** Its modules, the worker first. */
  files: string[];
  /** Bytes as a deployment takes them: script and wasm, each after gzip. */
  gzip: number;
}

export function bundle({ name, source, object, classes = [] }: Contender, into: string): Bundle {
  const folder = join(into, name);
  mkdirSync(folder, { recursive: true });
  const files = ["index.js"];
  if (source === undefined) {
    files.push("index_bg.wasm");
    for (const file of files) cpSync(join(rehearsalBuild, file), join(folder, file));
  } else {
    const args = [
      join(here, "workers", source),
      // Names stay, because agents finds a class by its own.
      ...["--bundle", "--minify-whitespace", "--minify-syntax", "--format=esm", "--target=es2024", "--log-level=warning"],
      ...["--main-fields=module,main", "--conditions=workerd,worker,browser", "--platform=neutral"],
      ...["--external:cloudflare:*", "--external:node:*", ...bare.map((module) => `--alias:${module}=node:${module}`)],
      `--outfile=${join(folder, "index.js")}`,
    ];
    execFileSync(program.esbuild, args, { stdio: ["ignore", "inherit", "inherit"] });
  }
  const gzip = files.reduce((sum, file) => sum + gzipSync(readFileSync(join(folder, file)), { level: 9 }).length, 0);
  cpSync(join(here, "counting.js"), join(folder, "counting.js"));
  writeFileSync(join(folder, "counted.js"), countedModule(object === undefined ? classes : [object, ...classes]));
  return { folder, files, gzip };
}

/** The module that runs in place of `index.js` where its requests to the platform are counted. */
function countedModule(classes: string[]): string {
  return [
    'import * as built from "./index.js";',
    'import { countedEntry, countedObject } from "./counting.js";',
    ...classes.map((name) => `export const ${name} = class ${name} extends countedObject(built.${name}) {};`),
    "export default countedEntry(built.default);",
  ].join("\n");
}
