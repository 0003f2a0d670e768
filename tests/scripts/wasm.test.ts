import assert from "node:assert/strict";
import { test } from "node:test";

import { bare } from "../../scripts/lib/wasm.mjs";

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
  const module = bare(Buffer.from([...header, ...types, ...names, ...producers]));
  assert.deepEqual([...module], [...header, ...types, ...producers]);
  assert.ok(WebAssembly.validate(module));
  assert.deepEqual([...bare(Buffer.from([...header, ...types]))], [...header, ...types]);
});

test("exports that lead to nothing go", () => {
  // (type (func)) (func) and four exports of it
  const start = [...header, 0x01, 0x04, 0x01, 0x60, 0x00, 0x00, 0x03, 0x02, 0x01, 0x00];
  const code = [0x0a, 0x04, 0x01, 0x02, 0x00, 0x0b];
  const entry = (name: string) => [name.length, ...Buffer.from(name), 0x00, 0x00];
  const section = (...names: string[]) => {
    const entries = names.flatMap(entry);
    return [0x07, entries.length + 1, names.length, ...entries];
  };
  const built = section("fetch", "__wbg_get_r2range_length", "intounderlyingsource_pull", "__wbg_conversation_free");
  const module = bare(Buffer.from([...start, ...built, ...code]));
  assert.deepEqual([...module], [...start, ...section("fetch", "__wbg_conversation_free"), ...code]);
  assert.ok(WebAssembly.validate(module));
});
