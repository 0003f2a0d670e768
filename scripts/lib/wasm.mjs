// What is taken out of the built wasm before it is optimised a last time. worker-build offers no way to leave it out.

import { Buffer } from "node:buffer";

const HEADER_BYTES = 8;
const CUSTOM_SECTION = 0;
const EXPORT_SECTION = 7;

/**
 * What the crate `worker` exports for features that are not used here: containers, the minifier of HTML, R2, streams.
 * JavaScript reaches these functions through an object that Rust made, and no Rust that makes one is left.
 */
const unused = /^(__wbg_([gs]et_)?)?(containerstartupoptions|minifyconfig|r2range|intounderlying(byte)?(source|sink))_/;

/**
 * A wasm module that holds what is used: without exports that lead to nothing, and without the names of functions.
 *
 * The names are a seventh of the module and serve stack traces alone. A panic names its file and line without them, and
 * the build of `npm start` keeps them.
 *
 * @param {Buffer} wasm
 */
export function bare(wasm) {
  const kept = [wasm.subarray(0, HEADER_BYTES)];
  for (let at = HEADER_BYTES; at < wasm.length; ) {
    const [size, content] = readNumber(wasm, at + 1);
    const end = content + size;
    const kind = wasm[at];
    if (kind === EXPORT_SECTION) kept.push(usedExports(wasm.subarray(content, end)));
    else if (kind !== CUSTOM_SECTION || nameOf(wasm, content) !== "name") kept.push(wasm.subarray(at, end));
    at = end;
  }
  return Buffer.concat(kept);
}

/**
 * The export section with what is used.
 *
 * @param {Buffer} content
 */
function usedExports(content) {
  const [count, first] = readNumber(content, 0);
  const kept = [];
  for (let n = 0, at = first; n < count; n++) {
    const [length, name] = readNumber(content, at);
    const end = readNumber(content, name + length + 1)[1];
    if (!unused.test(content.toString("utf8", name, name + length))) kept.push(content.subarray(at, end));
    at = end;
  }
  const body = Buffer.concat([number(kept.length), ...kept]);
  return Buffer.concat([Buffer.of(EXPORT_SECTION), number(body.length), body]);
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

/**
 * A number as unsigned LEB128.
 *
 * @param {number} value
 */
function number(value) {
  const bytes = [];
  for (; value >= 0x80; value >>>= 7) bytes.push((value & 0x7f) | 0x80);
  return Buffer.of(...bytes, value);
}
