/** The turn: three attempts, then a dead letter, and of an attempt that ended without a result nothing is left. */

import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";

import { eventually } from "./eventually.ts";
import type { World } from "./harness.ts";
import { startWorld } from "./harness.ts";

describe("a bot", { concurrency: true }, () => {
  let world: World;
  before(async () => {
    world = await startWorld({ settings: { REPLY_BUDGET_PER_MINUTE: 0 } });
  });
  after(() => world.close());

  test("that fails gets three attempts, a second and two seconds apart; then the next message is served", async () => {
    const dead = await world.rehearse("fail", "cometchat-uid-1");
    const next = await world.rehearse("hello", "cometchat-uid-1");
    const end = await world.ended(dead);
    assert.deepEqual([end.outcome, end.reason, end.attempts, end.replies], ["dead", "bot:rehearsed", 3, 0]);
    assert.ok(end.tookMs >= 3_000 && end.tookMs < 6_000, `It took ${end.tookMs} ms.`);
    assert.equal(failures(world, "cometchat-uid-1").length, 3);
    assert.equal((await world.ended(next)).outcome, "answered");
    // Each attempt has counted itself in the state, and none of that was stored.
    assert.deepEqual(world.said({ user: "cometchat-uid-1" }, "rehearsal_bot"), ["1: hello"]);
    const { counts } = await world.view("rehearsal_bot:user:cometchat-uid-1");
    assert.deepEqual(counts, { received: 2, answered: 1, ignored: 0, handedOver: 0, dead: 1 });
  });

  test("may keep a state of 1 MiB and no more", async () => {
    const first = await world.rehearse("fill 1000000", "cometchat-uid-2");
    assert.equal((await world.ended(first)).outcome, "answered");
    const tooLarge = await world.rehearse("fill 1048577", "cometchat-uid-2");
    const end = await world.ended(tooLarge);
    assert.deepEqual([end.outcome, end.reason, end.attempts, end.replies], ["dead", "state_too_large", 1, 0]);
    const next = await world.rehearse("hello", "cometchat-uid-2");
    assert.equal((await world.ended(next)).outcome, "answered");
    assert.deepEqual(world.said({ user: "cometchat-uid-2" }, "rehearsal_bot"), ["filled", "2: hello"]);
  });

  test("that hangs is stopped after 25 s, and holds up nobody else", async () => {
    const started = Date.now();
    await world.rehearse("hang", "cometchat-uid-3");
    const waiting = await world.rehearse("hello", "cometchat-uid-3");
    for (const text of ["one", "two", "three"]) {
      const id = await world.rehearse(text, "cometchat-uid-4");
      assert.equal((await world.ended(id)).outcome, "answered");
    }
    await eventually(() => assert.deepEqual(failures(world, "cometchat-uid-3"), ["deadline"]), { within: 40_000 });
    const took = Date.now() - started;
    assert.ok(took >= 25_000 && took < 35_000, `It was stopped after ${took} ms.`);
    // It gets two more attempts, and the message behind it keeps its place.
    assert.equal(world.ends().some(({ messageId }) => messageId === waiting), false);
    const { counts, inFlight } = await world.view("rehearsal_bot:user:cometchat-uid-3");
    assert.deepEqual([counts.received, inFlight], [2, 2]);
  });

  test("hands over to a person, with or without words", async () => {
    const id = await world.rehearse("person", "cometchat-uid-5");
    const end = await world.ended(id);
    assert.deepEqual([end.outcome, end.reason, end.replies], ["handed_over", "rehearsed", 0]);
    const { counts } = await world.view("rehearsal_bot:user:cometchat-uid-5");
    assert.deepEqual(counts, { received: 1, answered: 0, ignored: 0, handedOver: 1, dead: 0 });
  });
});

test("a bot that panics gets three attempts; other conversations lose nothing by it, and answer once", async () => {
  // Rest after three seconds: what a panic has struck while it was under way is looked at two seconds after that.
  const world = await startWorld({ settings: { REPLY_BUDGET_PER_MINUTE: 0, REST_AFTER_SECONDS: 3 } });
  try {
    const dead = await world.rehearse("panic", "cometchat-uid-1");
    const next = await world.rehearse("hello", "cometchat-uid-1");
    const talks = ["cometchat-uid-2", "cometchat-uid-3", "cometchat-uid-4"].map(async (sender) => {
      const texts: string[] = [];
      const answers: string[] = [];
      while (texts.length < 3 || !world.ends().some(({ messageId }) => messageId === dead)) {
        texts.push(`number ${texts.length}`);
        answers.push(`${texts.length}: ${texts.at(-1)}`);
        const end = await world.ended(await world.rehearse(texts.at(-1)!, sender), { within: 30_000 });
        assert.deepEqual([end.outcome, end.attempts <= 3], ["answered", true]);
      }
      assert.deepEqual(world.said({ user: sender }, "rehearsal_bot"), answers);
    });
    await Promise.all(talks);
    const end = await world.ended(dead);
    assert.deepEqual([end.outcome, end.reason, end.attempts, end.replies], ["dead", "crashed", 3, 0]);
    // The third is given four seconds to end.
    assert.ok(end.tookMs >= 7_000 && end.tookMs < 12_000, `It took ${end.tookMs} ms.`);
    assert.equal((await world.ended(next)).outcome, "answered");
    assert.deepEqual(world.said({ user: "cometchat-uid-1" }, "rehearsal_bot"), ["1: hello"]);
  } finally {
    await world.close({ mayPanic: true });
  }
});

/** Why attempts in the conversation of this person have failed. */
function failures(world: World, sender: string): string[] {
  return world.log
    .split("\n")
    .filter((line) => line.startsWith('{"event":"turn_failed"'))
    .map((line) => JSON.parse(line) as { conversation: string; detail: string })
    .filter(({ conversation }) => conversation === `rehearsal_bot:user:${sender}`)
    .map(({ detail }) => detail);
}
