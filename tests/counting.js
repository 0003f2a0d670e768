// @ts-nocheck: its imports are there when it runs, and not before.

// Runs in workerd in place of the built worker, hands everything on to it, and writes a line for each request to an object
// and for each statement that the object runs: {"event":"asked","path"}, {"event":"ran","sql","read","written"}.

import built, { Conversation as Built } from "./index.js";
import { standIn } from "./stand-in.js";

/** The latest statement. How many rows it has read is known when its answer has been read. */
let latest;

function show() {
  if (latest === undefined) return;
  const { sql, cursor } = latest;
  latest = undefined;
  console.log(JSON.stringify({ event: "ran", sql: sql.slice(0, 100), read: cursor.rowsRead, written: cursor.rowsWritten }));
}

function counting(state) {
  const { storage } = state;
  const { sql } = storage;
  const exec = (text, ...parameters) => {
    show();
    const cursor = sql.exec(text, ...parameters);
    latest = { sql: text, cursor };
    return cursor;
  };
  return standIn(state, { storage: standIn(storage, { sql: standIn(sql, { exec }) }) });
}

export class Conversation {
  #built;

  constructor(state, env) {
    this.#built = new Built(counting(state), env);
  }

  async fetch(request) {
    show();
    console.log(JSON.stringify({ event: "asked", path: new URL(request.url).pathname }));
    try {
      return await this.#built.fetch(request);
    } finally {
      show();
    }
  }

  async alarm(...parameters) {
    try {
      return await this.#built.alarm(...parameters);
    } finally {
      show();
    }
  }
}

export default built;
