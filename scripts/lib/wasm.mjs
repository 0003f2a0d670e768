// The one change that is made to the built wasm: its functions lose their names.
//
// They are a seventh of what is deployed and serve stack traces alone. A panic names its file and line without them, and
// the build of `npm start` keeps them. worker-build makes wasm-opt keep them in any case, hence this.

import { Buffer } from "node:buffer";

const HEADER_BYTES = 8;
const CUSTOM_SECTION = 0;

/**
 * A wasm module without its name section.
 *
 * @param {Buffer} wasm
 */
export function withoutNames(wasm) {
  const kept = [wasm.subarray(0, HEADER_BYTES)];
  for (let at = HEADER_BYTES; at < wasm.length; ) {
    const [size, content] = readNumber(wasm, at + 1);
    const end = content + size;
    if (wasm[at] !== CUSTOM_SECTION || nameOf(wasm, content) !== "name") kept.push(wasm.subarray(at, end));
    at = end;
  }
  return Buffer.concat(kept);
}

/**
 * The name that a custom section begins with.
 *
 * @param {Buffer} wasm
 * @param {number} at
 */
function nameOf(wasm, at) {
  const [length, start] = readNumber(wasm, at);
  return wasm.toString("utf8", start, start + length);
}

/**
 * An unsigned LEB128 number, and where it ends.
 *
 * @param {Buffer} wasm
 * @param {number} at
 * @returns {[value: number, end: number]}
 */
function readNumber(wasm, at) {
  let value = 0;
  for (let shift = 0; ; shift += 7) {
    const byte = wasm.readUInt8(at++);
    value += (byte & 0x7f) * 2 ** shift;
    if (byte < 0x80) return [value, at];
  }
}
