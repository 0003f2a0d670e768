// Where things are. Every path that the scripts use is named here.

import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

export const root = dirname(dirname(dirname(fileURLToPath(import.meta.url))));

/** @param {string[]} parts */
const at = (...parts) => join(root, ...parts);

export const nodeModules = at("node_modules");
export const packageLock = at("package-lock.json");
/** npm writes this file last, so its time is the time of the installation. */
export const installedLock = at("node_modules", ".package-lock.json");

/** What is measured beside Halley: a package of its own, which only `npm run bench` installs. */
export const cost = at("bench", "cost");

export const cargoManifest = at("Cargo.toml");
export const cargoLock = at("Cargo.lock");

/** Root of `cargo install` for the tools that belong to this project alone. */
export const tools = at(".tools");

/** What is deployed; wrangler.toml names it too. */
export const releaseBuild = at("build");
export const builtScript = at("build", "index.js");
export const builtWasm = at("build", "index_bg.wasm");
/** The same with the rehearsal bot, which tests and the scorecard run. */
export const rehearsalBuild = at("build", "rehearsal");
/** What `npm start` runs. */
export const devBuild = at("build", "dev");
export const devScript = at("build", "dev", "index.js");

/** The programs that the project pins, each by its full path. */
export const program = {
  node: at("node_modules", "node", "bin", "node"),
  wrangler: at("node_modules", "wrangler", "bin", "wrangler.js"),
  tsc: at("node_modules", "typescript", "bin", "tsc"),
  wasmOpt: at("node_modules", "binaryen", "bin", "wasm-opt"),
  esbuild: at("node_modules", "esbuild", "bin", "esbuild"),
  wasmBindgen: at(".tools", "bin", "wasm-bindgen"),
  workerBuild: at(".tools", "bin", "worker-build"),
};
