/** Storage that fails for a while: an alarm is set all the same, and what was begun comes to its end. */

import assert from "node:assert/strict";
import { test } from "node:test";

import { startWorld } from "./harness.ts";

/** As soon as a message that says `break` is stored, nothing can be written for 8 s. */
const wrapper = `
  import built, { Conversation as Built } from "./index.js";
  import { standIn } from "./stand-in.js";

  let brokenUntil = 0;

  function breaking(storage) {
    return standIn(storage, {
      transactionSync(work) {
        if (Date.now() >= brokenUntil) return storage.transactionSync(work);
        console.log('{"event":"broke"}');
        throw new Error("storage is broken");
      },
    });
  }

  export class Conversation {
    #built;

    constructor(state, env) {
      this.#built = new Built(standIn(state, { storage: breaking(state.storage) }), env);
    }

    async fetch(request) {
      const body = request.method === "POST" ? await request.text() : undefined;
      const answer = await this.#built.fetch(new Request(request.url, { method: request.method, body }));
      if (body?.includes("break")) brokenUntil = Date.now() + 8_000;
      return answer;
    }

    async alarm(...parameters) {
      console.log('{"event":"alarm"}');
      try {
        return await this.#built.alarm(...parameters);
      } catch (error) {
        console.log('{"event":"alarm_failed"}');
        throw error;
      }
    }
  }

  export default built;
`;

test("a message whose end cannot be written ends when it can be, by itself, and its alarm never fails", async () => {
  const world = await startWorld({ wrapper, settings: { REST_AFTER_SECONDS: 3 } });
  try {
    // The second message is answered in the event that brings it. What fails is to write that its reply has been confirmed.
    await world.ended(await world.rehearse("hello", "cometchat-uid-1"));
    const id = await world.rehearse("break", "cometchat-uid-1");
    const end = await world.ended(id, { within: 30_000 });
    assert.deepEqual([end.outcome, end.replies], ["answered", 1]);
    assert.ok(world.lines("broke").length > 0 && world.lines("storage_failed").length > 0, "Nothing has failed.");
    // The platform gives up an alarm that fails too often.
    assert.deepEqual(world.lines("alarm_failed"), []);
    // Nor does it go off all the time: each time costs a request and a row.
    const alarms = world.lines("alarm").length;
    assert.ok(alarms < 20, `The alarm went off ${alarms} times.`);
    assert.deepEqual(world.said({ user: "cometchat-uid-1" }, "rehearsal_bot"), ["1: hello", "2: break"]);
    assert.equal(world.calls(id).sends.length, 1);
    const { counts, inFlight } = await world.view("rehearsal_bot:user:cometchat-uid-1");
    assert.deepEqual([counts, inFlight], [{ received: 2, answered: 2, ignored: 0, handedOver: 0, dead: 0 }, 0]);
  } finally {
    await world.close();
  }
});
