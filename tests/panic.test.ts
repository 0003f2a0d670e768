/** A bot that panics, fails or hangs harms nobody but itself. */

import assert from "node:assert/strict";
import { after, before, test } from "node:test";

import { eventually } from "./eventually.ts";
import type { World } from "./harness.ts";
import { panicsIn, startWorld } from "./harness.ts";
import { afterMessage } from "./payloads.ts";

/** What follows counts them. */
let panics = 0;
let world: World;

before(async () => {
  world = await startWorld();
});
after(() => world.close({ panics }));

const rehearse = (text: string, sender: string) =>
  world.post(afterMessage({ sender, to: { user: "rehearsal_bot" }, text }, { bot: "rehearsal_bot" }), { bot: "rehearsal_bot" });

test("a panic is reported once, and the next message is served", async () => {
  assert.deepEqual((await rehearse("panic", "cometchat-uid-1")).body, { status: "accepted" });
  await eventually(() => assert.notEqual(panicsIn(world.log), 0, "No panic is in the log."));
  panics = 1;

  const answer = await eventually(async () => {
    const taken = await rehearse("hello", "cometchat-uid-2");
    assert.equal(taken.status, 200);
    return taken;
  });
  assert.deepEqual(answer.body, { status: "accepted" });
  const reply = await world.emulator.waitForMessage(({ receiver }) => receiver === "cometchat-uid-2");
  assert.equal(reply.data?.["text"], "1: hello");

  const reports = world.log.split("\n").filter((line) => line.includes("panicked at"));
  assert.equal(reports.length, 1);
  assert.match(reports[0] ?? "", /src\/bots\/rehearsal\.rs:\d+:\d+/);
  assert.ok(world.log.includes("rehearsed"), "The report has the panic's own words.");
});
