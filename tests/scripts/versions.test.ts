import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";

import { root } from "../../scripts/lib/paths.mjs";
import { isAtLeast, lockedVersion, oldestRust } from "../../scripts/lib/versions.mjs";

test("versions are compared number by number", () => {
  for (const [version, oldest, result] of [
    ["1.91.0", "1.91", true],
    ["1.100.0", "1.91", true],
    ["1.90.9", "1.91", false],
    ["2.0.0", "1.91", true],
    ["1.91", "1.91.1", false],
    ["1.92.0-nightly", "1.91", true],
    ["v20.0.0", "20", true],
    ["v18.20.8", "20", false],
    ["v22.12.0", "22.12", true],
    ["v9.0.0", "20", false],
  ] as const) {
    assert.equal(isAtLeast(version, oldest), result, `${version} against ${oldest}`);
  }
});

test("the versions that the tools depend on are found in Cargo.toml and Cargo.lock", () => {
  assert.match(oldestRust(), /^\d+\.\d+$/);
  assert.match(lockedVersion("wasm-bindgen"), /^\d+\.\d+\.\d+$/);
  assert.throws(() => lockedVersion("no-such-crate"), { message: /^Cargo\.lock has no no-such-crate: / });
});

test("Cargo and npm know the same version of the project", () => {
  const { version } = JSON.parse(readFileSync(join(root, "package.json"), "utf8")) as { version: string };
  assert.equal(lockedVersion("halley"), version);
});
