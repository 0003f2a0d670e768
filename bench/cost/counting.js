// @ts-nocheck: it runs in workerd.

// Counts what a worker asks of the platform. `GET /counted` answers with what has been counted since it was last asked.
//
// The platform's own prototypes are changed, so that whatever the worker is written with is counted alike.

import { env } from "cloudflare:workers";

const PATH = "/counted";

let counted = {};
/** Of statements whose rows may not be read yet. */
let cursors = [];
/** Changed already: all objects of an instance have the same. */
const changed = new WeakSet();

function count(what, n = 1) {
  if (n !== 0) counted[what] = (counted[what] ?? 0) + n;
}

/** Calls `see` after each call of a method of whatever `instance` is an instance of. */
function watch(instance, methods, see) {
  const prototype = Object.getPrototypeOf(instance);
  if (changed.has(prototype)) return;
  changed.add(prototype);
  for (const method of methods) {
    const original = prototype[method];
    prototype[method] = function (...parameters) {
      const result = original.apply(this, parameters);
      see(method, parameters, result);
      return result;
    };
  }
}

const encoder = new TextEncoder();
const bytes = (value) => (typeof value === "string" ? encoder.encode(value).length : (value?.byteLength ?? 8));

/** How many rows a statement has read and written is known when its answer has been read. */
function settle() {
  for (const { cursor, parameters } of cursors) {
    count("statements");
    count("rowsRead", cursor.rowsRead);
    count("rows", cursor.rowsWritten);
    if (cursor.rowsWritten > 0) count("bytes", parameters.reduce((sum, value) => sum + bytes(value), 0));
  }
  cursors = [];
}

const realFetch = globalThis.fetch;
globalThis.fetch = (...parameters) => {
  count("calls");
  return realFetch(...parameters);
};

for (const binding of Object.values(env)) {
  if (typeof binding?.getWithMetadata !== "function") continue;
  watch(binding, ["get", "getWithMetadata", "put", "delete", "list"], () => count("kv"));
}

export const countedObject = (Built) =>
  class extends Built {
    constructor(context, ...rest) {
      const { storage } = context;
      watch(storage.sql, ["exec"], (_, [, ...parameters], cursor) => cursors.push({ cursor, parameters }));
      watch(storage, ["setAlarm", "deleteAlarm"], () => count("alarms"));
      super(context, ...rest);
      count("starts");
    }

    alarm(...parameters) {
      count("alarmsGoneOff");
      return super.alarm(...parameters);
    }
  };

function answer() {
  settle();
  const response = Response.json(counted);
  counted = {};
  return response;
}

const isAsked = (request) => new URL(request.url).pathname === PATH;

export const countedEntry = (built) =>
  typeof built === "function"
    ? class extends built {
        fetch(request) {
          return isAsked(request) ? answer() : super.fetch(request);
        }
      }
    : { fetch: (request, ...rest) => (isAsked(request) ? answer() : built.fetch(request, ...rest)) };
