/** Every crate that is built has a licence and a source that `deny.toml` allows. */

import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";

import { parse } from "smol-toml";

import { root } from "../../scripts/lib/paths.mjs";

interface Crate {
  id: string;
  name: string;
  version: string;
  license: string | null;
  source: string | null;
}

interface Metadata {
  packages: Crate[];
  resolve: { nodes: { id: string }[] };
}

const deny = parse(readFileSync(join(root, "deny.toml"), "utf8")) as {
  graph: { targets: string[] };
  licenses: { allow: string[] };
};

/** The crates of all targets that `deny.toml` names, tests included. */
function crates(): Crate[] {
  const targets = deny.graph.targets.flatMap((target) => ["--filter-platform", target]);
  const cargo = spawnSync("cargo", ["metadata", "--locked", "--format-version", "1", ...targets], {
    cwd: root,
    encoding: "utf8",
    maxBuffer: 64 * 1024 * 1024,
  });
  assert.equal(cargo.status, 0, cargo.stderr);
  const { packages, resolve } = JSON.parse(cargo.stdout) as Metadata;
  const built = new Set(resolve.nodes.map(({ id }) => id));
  return packages.filter(({ id }) => built.has(id));
}

/**
 * Whether one may use what has this SPDX expression under allowed licences alone. `/` is how crates wrote `OR` once.
 * Exceptions (`WITH`) are names that nobody has allowed.
 */
function isAllowed(expression: string, allowed: string[]): boolean {
  const tokens = expression.replaceAll("/", " OR ").match(/[()]|[^\s()]+/g) ?? [];
  const next = (token: string) => tokens[0] === token && tokens.shift() !== undefined;
  const any = (): boolean => {
    let value = all();
    while (next("OR")) value = all() || value;
    return value;
  };
  const all = (): boolean => {
    let value = one();
    while (next("AND")) value = one() && value;
    return value;
  };
  const one = (): boolean => {
    if (!next("(")) return allowed.includes(tokens.shift() ?? "");
    const value = any();
    return next(")") && value;
  };
  return any() && tokens.length === 0;
}

test("SPDX expressions are read", () => {
  for (const [expression, allowed] of [
    ["MIT", true],
    ["GPL-3.0-only", false],
    ["MIT OR GPL-3.0-only", true],
    ["GPL-3.0-only OR MIT", true],
    ["Apache-2.0/MIT", true],
    ["MIT AND GPL-3.0-only", false],
    ["GPL-3.0-only AND MIT", false],
    ["(MIT OR GPL-3.0-only) AND Apache-2.0", true],
    ["MIT OR GPL-3.0-only AND Apache-2.0", true],
    ["(MIT OR Apache-2.0) AND GPL-3.0-only", false],
    ["GPL-3.0-only WITH Classpath-exception-2.0", false],
    ["MIT WITH nothing", false],
    ["(MIT", false],
    ["MIT MIT", false],
    ["", false],
  ] as const) {
    assert.equal(isAllowed(expression, ["MIT", "Apache-2.0"]), allowed, expression);
  }
});

test("each crate has a licence that deny.toml allows, and comes from the one registry", () => {
  const found = crates();
  assert.ok(found.length > 30, `only ${found.length} crates`);
  for (const { name, version, license, source } of found) {
    const crate = `${name} ${version}`;
    assert.ok(isAllowed(license ?? "", deny.licenses.allow), `${crate} has the licence ${license}, which deny.toml does not allow`);
    if (name !== "halley") assert.match(source ?? "", /^registry\+/, `${crate} comes from no registry`);
  }
  assert.equal(new Set(found.flatMap(({ source }) => source ?? [])).size, 1, "there is more than one registry");
});
