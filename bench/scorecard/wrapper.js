// @ts-nocheck: its imports are there when it runs, and not before.

// Runs in workerd in place of the built worker, hands everything on to it, and counts what it asks of the platform.
//
// The counts go into the log, a line at most every 100 ms: `{"counted":{…}}` with what has been counted since the line
// before. What was counted in the last moments before a kill is lost with the process.

import built, { Conversation as Built } from "./index.js";
import { standIn } from "./stand-in.js";

const EVERY_MS = 100;

let counted = {};
let shownAt = 0;

function count(what, n = 1) {
  if (n !== 0) counted[what] = (counted[what] ?? 0) + n;
}

/** At the end of an event, so that a line is not written in the middle of one. */
function show() {
  if (Date.now() - shownAt < EVERY_MS || Object.keys(counted).length === 0) return;
  shownAt = Date.now();
  console.log(JSON.stringify({ counted }));
  counted = {};
}

/** Of a request to an object: `/receive`, `/view` or `/replay`, without the version of the hop before it. */
function pathOf(request) {
  return new URL(request.url ?? request).pathname.replace(/^\/\d+(?=\/)/, "").replace(/^(\/receive)\/.*/, "$1");
}

function countedKv(kv, by) {
  const counting = (method) => (...parameters) => {
    count(`${by}.kv.${method}`);
    return kv[method](...parameters);
  };
  return standIn(kv, Object.fromEntries(["get", "getWithMetadata", "put", "delete", "list"].map((method) => [method, counting(method)])));
}

/** What the front worker asks of an object: its hops, by path. */
function countedNamespace(namespace) {
  const stub = (made) =>
    standIn(made, {
      fetch: (request, ...rest) => {
        count(`front.hop${pathOf(request)}`);
        return made.fetch(request, ...rest);
      },
    });
  return standIn(namespace, {
    get: (...parameters) => stub(namespace.get(...parameters)),
    getByName: (...parameters) => stub(namespace.getByName(...parameters)),
  });
}

function countedEnv(env, by) {
  return standIn(env, {
    CONVERSATIONS: countedKv(env.CONVERSATIONS, by),
    CONVERSATION: countedNamespace(env.CONVERSATION),
  });
}

function countedState(state) {
  const { storage } = state;
  const { sql } = storage;
  return standIn(state, {
    storage: standIn(storage, {
      sql: standIn(sql, {
        exec: (...parameters) => {
          const cursor = sql.exec(...parameters);
          count("object.rows", cursor.rowsWritten);
          return cursor;
        },
      }),
      setAlarm: (...parameters) => {
        count("object.setAlarm");
        return storage.setAlarm(...parameters);
      },
      deleteAlarm: (...parameters) => {
        count("object.deleteAlarm");
        return storage.deleteAlarm(...parameters);
      },
    }),
  });
}

/** What an event asks for after its answer (`waitUntil`) is counted when it is asked for. */
export class Conversation {
  #built;

  constructor(state, env) {
    count("object.starts");
    this.#built = new Built(countedState(state), countedEnv(env, "object"));
  }

  async fetch(request) {
    count(`object.fetch${pathOf(request)}`);
    try {
      return await this.#built.fetch(request);
    } finally {
      show();
    }
  }

  async alarm(...parameters) {
    count("object.alarm");
    try {
      return await this.#built.alarm(...parameters);
    } finally {
      show();
    }
  }
}

export default {
  fetch: (request, env, context) => built.fetch(request, countedEnv(env, "front"), context),
};
