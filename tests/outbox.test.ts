/** The outbox: every reply once and in order, whatever CometChat answers, and a look before a reply is sent again. */

import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";

import type { SettingValue } from "../emulator/index.ts";
import { eventually } from "./eventually.ts";
import type { World } from "./harness.ts";
import { startWorld } from "./harness.ts";
import { afterMessage } from "./payloads.ts";

/** Worlds of their own, because a fault strikes every conversation: they wait side by side. */
describe("a reply is there once", { concurrency: true }, () => {
  // How many sends and looks it takes when the fault strikes once.
  const faults: [fault: string, settings: Record<string, SettingValue>, sends: number, looks: number][] = [
    ["rest500", {}, 2, 1],
    ["rest500", { serverErrorBody: "html", restMuid: "present" }, 2, 1],
    ["restAccepted500", {}, 1, 1],
    ["restCut", {}, 2, 1],
    ["restAcceptedCut", {}, 1, 1],
    ["restAcceptedCut", { restMuid: "present" }, 1, 1],
    ["restAcceptedUnanswered", {}, 1, 1],
    ["restAcceptedLate", {}, 1, 1],
  ];

  describe("after", { concurrency: true }, () => {
    let worlds: World[];
    before(async () => {
      worlds = await Promise.all(faults.map(() => startWorld()));
    });
    after(() => Promise.all(worlds.map((world) => world.close())));

    for (const [n, [fault, settings, sends, looks]] of faults.entries()) {
      test(`${fault} ${JSON.stringify(settings)}: ${sends} sent, ${looks} looked for`, async () => {
        const world = worlds[n]!;
        world.emulator.set({ ...settings, [fault]: 1 });
        const id = await world.rehearse("hello", "cometchat-uid-1");
        await world.struck(fault);
        world.emulator.set({ [fault]: 0 });
        const next = await world.rehearse("hello again", "cometchat-uid-1");
        for (const message of [id, next]) {
          const end = await world.ended(message, { within: 40_000 });
          assert.deepEqual([end.outcome, end.replies], ["answered", 1]);
        }
        assert.deepEqual(world.said({ user: "cometchat-uid-1" }, "rehearsal_bot"), ["1: hello", "2: hello again"]);
        const calls = world.calls(id);
        assert.deepEqual([calls.sends.length, calls.looks.length], [sends, looks]);
        const identities = calls.sends.map(({ request }) => request.body as { muid: string; data: { metadata: object } });
        for (const { muid, data } of identities) {
          assert.equal(muid, `rehearsal_bot-${id}-answer-0`);
          assert.deepEqual(data.metadata, { halley: muid });
        }
      });
    }
  });

  test("after a 429, when Retry-After is over and not before, without a look", async () => {
    const world = await startWorld();
    try {
      world.emulator.set({ rest429: 1, retryAfterSeconds: 2 });
      const id = await world.rehearse("say 2", "cometchat-uid-1");
      await world.struck("rest429");
      world.emulator.set({ rest429: 0 });
      assert.equal((await world.ended(id)).outcome, "answered");
      const { sends, looks } = world.calls(id);
      assert.deepEqual([sends.length, looks.length], [3, 0]);
      const waited = sends[1]!.at - sends[0]!.at;
      assert.ok(waited >= 2_000 && waited < 5_000, `It waited ${waited} ms.`);
      assert.deepEqual(world.said({ user: "cometchat-uid-1" }, "rehearsal_bot"), ["1 of 2", "2 of 2"]);
    } finally {
      await world.close();
    }
  });

  // What CometChat says of the wait, and what that comes to: nothing.
  for (const [what, settings] of [
    ["Retry-After: 0", { retryAfterSeconds: 0 }],
    ["a reset that is now", { retryAfterSeconds: 0, rateLimitHeaders: "reset" }],
    ["a reset in seconds from now, which reads as one of long ago", { retryAfterSeconds: 1, rateLimitHeaders: "relativeReset" }],
  ] as const) {
    test(`after one 429 after the other, with ${what}: ever later`, async () => {
      const world = await startWorld();
      try {
        world.emulator.set({ rest429: 1, ...settings });
        const id = await world.rehearse("hello", "cometchat-uid-1");
        await world.struck("rest429");
        await sleep(4_000);
        // Sent at once, and 1 and 3 seconds later; the next time is after 7.
        const { sends } = world.calls(id);
        const waits = sends.slice(1).map(({ at }, n) => at - sends[n]!.at);
        assert.ok(waits.length >= 1 && waits.length <= 2, `It waited ${waits.join(", ")} ms.`);
        for (const [n, wait] of waits.entries()) assert.ok(wait >= 1_000 * 2 ** n, `It waited ${waits.join(", ")} ms.`);
        world.emulator.set({ rest429: 0 });
        const end = await world.ended(id, { within: 15_000 });
        assert.deepEqual([end.outcome, end.replies, world.calls(id).looks.length], ["answered", 1, 0]);
        assert.deepEqual(world.said({ user: "cometchat-uid-1" }, "rehearsal_bot"), ["1: hello"]);
      } finally {
        await world.close();
      }
    });
  }

  test("after a look that failed: it is looked for again, and not sent", async () => {
    const world = await startWorld();
    try {
      world.emulator.set({ restAcceptedCut: 1 });
      const id = await world.rehearse("hello", "cometchat-uid-1");
      await world.struck("restAcceptedCut");
      world.emulator.set({ restAcceptedCut: 0, restFaultsOn: "histories", rest500: 1 });
      await world.struck("rest500");
      world.emulator.set({ rest500: 0 });
      assert.equal((await world.ended(id, { within: 30_000 })).outcome, "answered");
      const { sends, looks } = world.calls(id);
      assert.deepEqual([sends.length, looks.length], [1, 2]);
      assert.deepEqual(world.said({ user: "cometchat-uid-1" }, "rehearsal_bot"), ["1: hello"]);
    } finally {
      await world.close();
    }
  });

  test("among many, in the order in which they were made", async () => {
    const world = await startWorld({ settings: { REPLY_BUDGET_PER_MINUTE: 0 } });
    try {
      world.emulator.change({ seed: 7, values: { rest429: 0.2, retryAfterSeconds: 0, restAcceptedCut: 0.1, restSlow: 0.2, restSlowMs: 300 } });
      const senders = ["cometchat-uid-1", "cometchat-uid-2", "cometchat-uid-3"];
      const ids: string[] = [];
      for (const text of ["say 3", "hello", "say 2"]) {
        // Sent and not posted: then the draws do not depend on ids.
        for (const sender of senders) {
          ids.push(world.emulator.send({ sender, receiver: "rehearsal_bot", receiverType: "user", text }).id);
        }
      }
      for (const id of ids) assert.equal((await world.ended(id, { within: 40_000 })).outcome, "answered");
      for (const user of senders) {
        assert.deepEqual(world.said({ user }, "rehearsal_bot"), ["1 of 3", "2 of 3", "3 of 3", "2: hello", "1 of 2", "2 of 2"]);
      }
      assert.ok(world.emulator.restCalls().some(({ fault }) => fault === "rest429"), "Nothing went wrong.");
      assert.ok(world.emulator.restCalls().some(({ fault }) => fault === "restAcceptedCut"), "Nothing was in doubt.");
    } finally {
      await world.close();
    }
  });
});

test("a reply that CometChat refuses is dead with the rest of its answer, and the conversation goes on", async () => {
  const world = await startWorld();
  try {
    // The second reply's muid is taken already, and CometChat refuses it this time.
    world.emulator.set({ sameMuid: "error" });
    await world.rest("POST", "/bots/rehearsal_bot/messages", {
      receiver: "cometchat-uid-1",
      receiverType: "user",
      category: "message",
      type: "text",
      data: { text: "taken" },
      muid: "rehearsal_bot-4711-answer-1",
    });
    const body = afterMessage({ id: "4711", to: { user: "rehearsal_bot" }, text: "say 4" }, { bot: "rehearsal_bot" });
    await world.post(body, { bot: "rehearsal_bot" });
    const next = await world.rehearse("hello", "cometchat-uid-1");

    const end = await world.ended("4711");
    assert.deepEqual([end.outcome, end.reason, end.replies], ["dead", "ERR_BAD_REQUEST", 0]);
    assert.equal((await world.ended(next)).outcome, "answered");
    assert.deepEqual(world.said({ user: "cometchat-uid-1" }, "rehearsal_bot"), ["taken", "1 of 4", "2: hello"]);
    const kv = await world.kv();
    const letter = await eventually(async () => JSON.parse((await kv.get("dead:rehearsal_bot:user:cometchat-uid-1:4711")) ?? assert.fail("No letter.")));
    assert.equal(letter.turn, undefined);
    assert.deepEqual(
      letter.replies.map(({ id, body }: { id: string; body: { data: { text: string } } }) => [id, body.data.text]),
      [1, 2, 3].map((n) => [`rehearsal_bot-4711-answer-${n}`, `${n + 1} of 4`]),
    );
    const { counts, inFlight } = await world.view("rehearsal_bot:user:cometchat-uid-1");
    assert.deepEqual([counts, inFlight], [{ received: 2, answered: 1, ignored: 0, handedOver: 0, dead: 1 }, 0]);
  } finally {
    await world.close();
  }
});
