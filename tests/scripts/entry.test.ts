import assert from "node:assert/strict";
import { test } from "node:test";

import { withPlainEntry } from "../../scripts/lib/entry.mjs";

/** What worker-build ends a script with, minified and not. */
const made = {
  minified: "export{Nt as Conversation,Lt as default,qt as R2Range};",
  last: "export{Ut as Conversation,Lt as default};\n",
  plain: "export {\n  Nt as Conversation,\n  Lt as default\n};\n",
};

const start = `
globalThis.__worker_init_state ??= { criticalError: false };
class Lt {
  constructor(ctx, env) { this.env = env; this.how = "anew"; }
  fetch(request) { if (request === "throw") throw new Error("thrown"); return [request, this.env, this.how]; }
}
const Nt = 1, Ut = 2, qt = 3;
`;

interface Built {
  default: { fetch: (request: string, env: string, context: string) => unknown };
}

const load = (script: string) => import(`data:text/javascript,${encodeURIComponent(script)}`) as Promise<Built & Record<string, unknown>>;

for (const [name, end] of Object.entries(made)) {
  test(`the worker is an object, and all else is exported as before: ${name}`, async () => {
    const built = await load(withPlainEntry(start + end));
    assert.equal(typeof built.Conversation, "number");
    assert.deepEqual(built.default.fetch("request", "env", "context"), ["request", "env", undefined]);
  });
}

test("after a panic the class deals with the request", async () => {
  const built = await load(withPlainEntry(start + made.minified));
  const state = (globalThis as unknown as { __worker_init_state: { criticalError: boolean } }).__worker_init_state;
  state.criticalError = true;
  assert.deepEqual(built.default.fetch("request", "env", "context"), ["request", "env", "anew"]);
  state.criticalError = false;
});

test("a script with another end is refused", () => {
  assert.throws(() => withPlainEntry("export default class {}"), /scripts\/lib\/entry\.mjs/);
});
