/**
 * Repeatable randomness.
 *
 * Nothing draws from a running generator: every decision is a hash of the seed and of the name of what is decided
 * ("callbackDrop", this message, attempt 2). So two runs with one seed decide alike, however their requests interleave.
 */

/** Something a decision can be about. */
export type Identity = readonly (string | number)[];

/** A fraction from 0 up to, but not including, 1. */
export function fraction(seed: number, ...identity: Identity): number {
  return hash(seed, identity) / 2 ** 32;
}

/** Lower-case hexadecimal digits, at most 64. */
export function hexDigits(length: number, seed: number, ...identity: Identity): string {
  let digits = "";
  for (let part = 0; digits.length < length; part += 1) {
    digits += hash(seed, [...identity, part]).toString(16).padStart(8, "0");
  }
  return digits.slice(0, length);
}

/** A version 4 UUID. */
export function uuid(seed: number, ...identity: Identity): string {
  const digits = hexDigits(32, seed, ...identity);
  return [
    digits.slice(0, 8),
    digits.slice(8, 12),
    `4${digits.slice(13, 16)}`,
    `a${digits.slice(17, 20)}`,
    digits.slice(20, 32),
  ].join("-");
}

/** FNV-1a over the parts, then the finisher of MurmurHash3: similar identities (attempt 1, attempt 2) must not give similar draws. */
function hash(seed: number, identity: Identity): number {
  let value = 0x811c9dc5 ^ Math.imul(seed | 0, 0x9e3779b1);
  const text = identity.join("\u0000");
  for (let index = 0; index < text.length; index += 1) {
    value = Math.imul(value ^ text.charCodeAt(index), 0x01000193);
  }
  value ^= value >>> 16;
  value = Math.imul(value, 0x85ebca6b);
  value ^= value >>> 13;
  value = Math.imul(value, 0xc2b2ae35);
  value ^= value >>> 16;
  return value >>> 0;
}
