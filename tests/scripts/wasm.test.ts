import assert from "node:assert/strict";
import { test } from "node:test";

import { withoutNames } from "../../scripts/lib/wasm.mjs";

const header = [0x00, 0x61, 0x73, 0x6d, 0x01, 0x00, 0x00, 0x00];

/** A custom section of the format's own shape: 0, its size, the length of its name, its name, its content. */
const custom = (name: string, content: number[]) => {
  const bytes = [name.length, ...Buffer.from(name), ...content];
  // A size of two bytes, as large sections have it.
  return [0x00, (bytes.length & 0x7f) | 0x80, bytes.length >> 7, ...bytes];
};

test("names go, and nothing else", () => {
  const types = [0x01, 0x04, 0x01, 0x60, 0x00, 0x00];
  const producers = custom("producers", [1, 2, 3]);
  const names = custom("name", Array<number>(300).fill(7));
  const module = withoutNames(Buffer.from([...header, ...types, ...names, ...producers]));
  assert.deepEqual([...module], [...header, ...types, ...producers]);
  assert.ok(WebAssembly.validate(module));
  assert.deepEqual([...withoutNames(Buffer.from([...header, ...types]))], [...header, ...types]);
});
