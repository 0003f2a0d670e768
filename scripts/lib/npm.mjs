// What npm installs: wrangler, the pinned Node, wasm-opt and esbuild.

import { existsSync, statSync } from "node:fs";
import { delimiter, join } from "node:path";

import { cost, installedLock, nodeModules, packageLock, program } from "./paths.mjs";
import { Problem } from "./problem.mjs";
import { behindProgress, capture } from "./run.mjs";

/**
 * Sees to it that node_modules is what package-lock.json says.
 *
 * @throws {Problem} if npm fails, or has left out what its install scripts would have brought
 */
export async function ensureNodeModules() {
  if (!isCurrent(installedLock, packageLock)) await install();
  if (!existsSync(program.node)) {
    throw new Problem(
      "npm did not run the install scripts of its packages, so node_modules/node has no binary: run `npm rebuild --ignore-scripts=false node esbuild workerd`, then this again.",
    );
  }
}

/**
 * Sees to it that bench/cost/node_modules is what bench/cost/package-lock.json says.
 *
 * @throws {Problem} if npm fails
 */
export async function ensureCostPackages() {
  if (isCurrent(join(cost, "node_modules", ".package-lock.json"), join(cost, "package-lock.json"))) return;
  await behindProgress(
    {
      title: "Installing the packages of bench/cost/package-lock.json",
      about: "about 15 s, once",
      cure: "npm could not install the packages: see its message above, and run `npm ci` in bench/cost to try it alone.",
    },
    "npm",
    // Bundled and run in workerd: none of them needs an install script.
    ["ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"],
    { cwd: cost, env: { ...process.env, PATH: pathWithoutProject() } },
  );
}

/** @param {string} installed @param {string} lock */
function isCurrent(installed, lock) {
  return existsSync(installed) && statSync(installed).mtimeMs >= statSync(lock).mtimeMs;
}

async function install() {
  // Development dependencies are all there is, and the binaries are optional ones: neither may be left out because of
  // NODE_ENV or a setting of the user's.
  const args = ["ci", "--include=dev", "--include=optional", "--no-audit", "--no-fund", "--loglevel=error"];
  await behindProgress(
    {
      title: "Installing the packages of package-lock.json",
      about: "about 30 s",
      cure: "npm could not install the packages: see its message above, and run `npm ci` to try it alone.",
    },
    "npm",
    args,
    { env: { ...process.env, PATH: pathWithoutProject() } },
  );
  if (!existsSync(program.node)) return;
  const answer = await capture(program.node, ["--version"]).catch(() => undefined);
  if (answer?.status !== 0) {
    throw new Problem(
      "The Node that npm installed for this project (node_modules/node) does not start on this system: it needs Linux with glibc, or macOS.",
    );
  }
}

/** Inside `npm start` the PATH begins with node_modules/.bin, whose `node` must not run the npm that replaces it. */
function pathWithoutProject() {
  const path = process.env["PATH"] ?? "";
  return path.split(delimiter).filter((folder) => !folder.startsWith(nodeModules)).join(delimiter);
}
