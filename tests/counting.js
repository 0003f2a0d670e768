// @ts-nocheck: its imports are there when it runs, and not before.

// Runs in workerd in place of the built worker, hands everything on to it, and writes a line for each thing that is asked of
// the platform:
//   {"event":"asked","path"}                     a request to an object
//   {"event":"alarm"}                            an alarm that goes off
//   {"event":"ran","sql","read","written"}       a statement that an object runs
//   {"event":"called","by","what"}               any other call by an object or by the door, the worker that callbacks come to
//   {"event":"acknowledged","status","awaited"}  an answer of the door, and the calls that it has waited for before it

import built, { Conversation as Built } from "./index.js";
import { standIn } from "./stand-in.js";

const tell = (line) => console.log(JSON.stringify(line));

/** The latest statement. How many rows it has read is known when its answer has been read. */
let latest;

function show() {
  if (latest === undefined) return;
  const { sql, cursor } = latest;
  latest = undefined;
  tell({ event: "ran", sql: sql.slice(0, 100), read: cursor.rowsRead, written: cursor.rowsWritten });
}

/** `target` with some of its methods told of when they are called. */
function told(target, methods, tellOf) {
  const telling = (method) => (...parameters) => {
    tellOf(method);
    return target[method](...parameters);
  };
  return standIn(target, Object.fromEntries(methods.map((method) => [method, telling(method)])));
}

/** The bindings, and what is asked of them. */
function counted(env, tellOf) {
  const stub = (made) => told(made, ["fetch"], () => tellOf("hop"));
  const namespace = env.CONVERSATION;
  return standIn(env, {
    CONVERSATIONS: told(env.CONVERSATIONS, ["get", "getWithMetadata", "put", "delete", "list"], (method) => tellOf(`kv.${method}`)),
    CONVERSATION: standIn(namespace, {
      get: (...parameters) => stub(namespace.get(...parameters)),
      getByName: (...parameters) => stub(namespace.getByName(...parameters)),
    }),
  });
}

const tellOfObject = (what) => {
  show();
  tell({ event: "called", by: "object", what });
};

function counting(state) {
  const { storage } = state;
  const { sql } = storage;
  const exec = (text, ...parameters) => {
    show();
    const cursor = sql.exec(text, ...parameters);
    latest = { sql: text, cursor };
    return cursor;
  };
  const watched = told(storage, ["getAlarm", "setAlarm", "deleteAlarm", "deleteAll"], tellOfObject);
  return standIn(state, { storage: standIn(watched, { sql: standIn(sql, { exec }) }) });
}

export class Conversation {
  #built;

  constructor(state, env) {
    this.#built = new Built(counting(state), counted(env, tellOfObject));
  }

  async fetch(request) {
    show();
    tell({ event: "asked", path: new URL(request.url).pathname });
    try {
      return await this.#built.fetch(request);
    } finally {
      show();
    }
  }

  async alarm(...parameters) {
    show();
    tell({ event: "alarm" });
    try {
      return await this.#built.alarm(...parameters);
    } finally {
      show();
    }
  }
}

export default {
  async fetch(request, env, context) {
    const awaited = [];
    const tellOf = (what) => {
      awaited.push(what);
      tell({ event: "called", by: "door", what });
    };
    const answer = await built.fetch(request, counted(env, tellOf), context);
    tell({ event: "acknowledged", status: answer.status, awaited });
    return answer;
  },
};
