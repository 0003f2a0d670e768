/**
 * Makes a module of WebAssembly larger by code of its own kind: some of its functions are there again, behind the others,
 * where nobody calls them. A copy lies further behind its original than gzip looks back, so that it counts in full.
 */

const FUNCTIONS = 3;
const CODE = 10;

/** How much of a module's magic number and version there is. */
const HEADER = 8;

/** @param share how many of the functions are there again: 0.5 is every other one, and 1 all of them */
export function padded(wasm: Buffer, share: number): Buffer {
  const sections = sectionsOf(wasm);
  const find = (id: number) => sections.find((section) => section.id === id)!;
  const types = items(find(FUNCTIONS).body, (at, body) => leb(body, at).end);
  const bodies = items(find(CODE).body, (at, body) => {
    const size = leb(body, at);
    return size.end + size.value;
  });
  const chosen = bodies.map((_, n) => n).filter((n) => Math.floor((n + 1) * share) > Math.floor(n * share));
  const more = (all: Buffer[]) => vector([...all, ...chosen.map((n) => all[n]!)]);
  const changed = new Map([
    [FUNCTIONS, more(types)],
    [CODE, more(bodies)],
  ]);
  const written = sections.map(({ id, body }) => {
    const content = changed.get(id) ?? body;
    return Buffer.concat([Buffer.from([id]), toLeb(content.length), content]);
  });
  return Buffer.concat([wasm.subarray(0, HEADER), ...written]);
}

function sectionsOf(wasm: Buffer): { id: number; body: Buffer }[] {
  const sections = [];
  for (let at = HEADER; at < wasm.length; ) {
    const size = leb(wasm, at + 1);
    sections.push({ id: wasm[at]!, body: wasm.subarray(size.end, size.end + size.value) });
    at = size.end + size.value;
  }
  return sections;
}

/** The items of a vector, each as it stands there. */
function items(body: Buffer, endOf: (at: number, body: Buffer) => number): Buffer[] {
  const { value: length, end } = leb(body, 0);
  const found = [];
  let at = end;
  for (let n = 0; n < length; n += 1) {
    const next = endOf(at, body);
    found.push(body.subarray(at, next));
    at = next;
  }
  return found;
}

function vector(all: Buffer[]): Buffer {
  return Buffer.concat([toLeb(all.length), ...all]);
}

function leb(from: Buffer, at: number): { value: number; end: number } {
  let value = 0;
  for (let shift = 0; ; shift += 7) {
    const byte = from[at]!;
    value += (byte & 0x7f) * 2 ** shift;
    at += 1;
    if (byte < 0x80) return { value, end: at };
  }
}

function toLeb(value: number): Buffer {
  const bytes = [];
  for (; value >= 0x80; value = Math.floor(value / 128)) bytes.push((value % 128) + 128);
  return Buffer.from([...bytes, value]);
}
