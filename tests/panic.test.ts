/** A bot that panics, fails or hangs harms nobody but itself. */

import assert from "node:assert/strict";
import { after, before, test } from "node:test";

import { eventually } from "./eventually.ts";
import type { World } from "./harness.ts";
import { panicsIn, startWorld } from "./harness.ts";
import { afterMessage } from "./payloads.ts";

let world: World;

before(async () => {
  world = await startWorld();
});
after(() => world.close({ mayPanic: true }));

test("a panic is reported once, and the next message is served", async () => {
  const body = afterMessage({ id: 7, sender: "cometchat-uid-1", to: { user: "rehearsal_bot" }, text: "panic" }, { bot: "rehearsal_bot" });
  assert.deepEqual((await world.post(body, { bot: "rehearsal_bot" })).body, { status: "accepted" });
  await eventually(() => assert.notEqual(panicsIn(world.log), 0, "No panic is in the log."));

  assert.deepEqual((await rehearse("hello", "cometchat-uid-2")).body, { status: "accepted" });
  const reply = await world.emulator.waitForMessage(({ receiver }) => receiver === "cometchat-uid-2");
  assert.equal(reply.data?.["text"], "1: hello");

  // The message is tried again meanwhile, and each attempt is a panic of its own.
  const { outcome, attempts } = await world.ended(7);
  assert.deepEqual([outcome, attempts], ["dead", 3]);
  assert.equal(panicsIn(world.log), attempts, world.log);
  assert.match(world.log, /panicked at src\/bots\/rehearsal\.rs:\d+:\d+:\nrehearsed\n/);
});

test("a panic at the message that brought it is one after the 200", async () => {
  assert.deepEqual((await rehearse("hello", "cometchat-uid-5")).body, { status: "accepted" });
  await world.emulator.waitForMessage(({ receiver }) => receiver === "cometchat-uid-5");
  const body = afterMessage({ id: 8, sender: "cometchat-uid-5", to: { user: "rehearsal_bot" }, text: "panic" }, { bot: "rehearsal_bot" });
  assert.deepEqual((await world.post(body, { bot: "rehearsal_bot" })).body, { status: "accepted" });
  const { outcome, attempts } = await world.ended(8);
  assert.deepEqual([outcome, attempts], ["dead", 3]);
});

test("a bot that fails or hangs holds up nobody else", async () => {
  assert.deepEqual((await rehearse("fail", "cometchat-uid-3")).body, { status: "accepted" });
  assert.deepEqual((await rehearse("hang", "cometchat-uid-4")).body, { status: "accepted" });
  assert.deepEqual((await rehearse("hello again", "cometchat-uid-2")).body, { status: "accepted" });
  await world.emulator.waitForMessage(({ data }) => data?.["text"] === "2: hello again");
  await eventually(() => assert.ok(world.log.includes('"event":"turn_failed"'), world.log));
});

/** Says something to the bot that does what it is told. */
function rehearse(text: string, sender: string) {
  const body = afterMessage({ sender, to: { user: "rehearsal_bot" }, text }, { bot: "rehearsal_bot" });
  return world.post(body, { bot: "rehearsal_bot" });
}
