// How the built worker is exported. worker-build makes a class of it, of which the platform makes an instance for each
// request and looks through it for a dozen handlers. That is dearer than an object, and worker-build offers no way to
// leave it.

import { Problem } from "./problem.mjs";

/** What a script that worker-build has made ends with. */
const exported = /export\s*\{(?<before>[^{}]*?),?\s*(?<entrypoint>[\w$]+) as default(?<after>[^{}]*)\};?\s*$/;

/**
 * The script with an object in place of the class.
 *
 * @param {string} script
 */
export function withPlainEntry(script) {
  const { before, entrypoint, after } = exported.exec(script)?.groups ?? {};
  if (entrypoint === undefined) throw new Problem("worker-build has made a script with another end: adapt scripts/lib/entry.mjs to it.");
  return script.replace(exported, () => `export{${before}${after}};\nexport default (${plain})(${entrypoint});\n`);
}

/**
 * The worker as an object. After a panic its WebAssembly starts anew, which is the class's business.
 *
 * @param {any} Entrypoint
 */
function plain(Entrypoint) {
  return {
    /** @type {(request: unknown, env: unknown, ctx: unknown) => unknown} */
    fetch(request, env, ctx) {
      // @ts-expect-error worker-build's own.
      if (globalThis.__worker_init_state.criticalError) return new Entrypoint(ctx, env).fetch(request);
      try {
        return Entrypoint.prototype.fetch.call({ env, ctx }, request);
      } catch (error) {
        reportError(error);
        throw error;
      }
    },
  };
}
