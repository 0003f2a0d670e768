/** CometChat answers nobody, or refuses the key: messages wait, loudly, nobody storms it, and all are answered in the end. */

import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";

import { eventually } from "./eventually.ts";
import type { World } from "./harness.ts";
import { startWorld } from "./harness.ts";

const bot = "rehearsal_bot";
const people = (count: number) => Array.from({ length: count }, (_, n) => `person-${n}`);

describe("while CometChat", { concurrency: true }, () => {
  for (const restOutage of ["500", "cut"]) {
    test(`answers nobody (${restOutage}), few knock, and all are answered once it is back`, async () => {
      const world = await startWorld();
      try {
        const senders = people(40);
        for (const uid of senders) world.emulator.addUser({ uid, name: uid });
        world.emulator.set({ restOutage });
        const ids: string[] = [];
        for (const sender of senders) ids.push(await world.rehearse("say 2", sender));
        await sleep(8_000);
        // As many as it takes to see that it is an outage, and then one after 1, 2 and 4 seconds.
        const knocks = world.emulator.restCalls().length;
        assert.ok(knocks < 20, `${knocks} calls were made.`);
        assert.deepEqual(world.ends(), []);
        assert.deepEqual(trouble(world), ["cometchat_does_not_answer"]);
        assert.deepEqual(await health(world), [503, { status: "trouble", bots: ["demo_bot", bot], trouble: ["cometchat_does_not_answer"] }]);

        world.emulator.set({ restOutage: "none" });
        for (const id of ids) assert.equal((await world.ended(id, { within: 60_000 })).outcome, "answered");
        for (const user of senders) assert.deepEqual(world.said({ user }, bot), ["1 of 2", "2 of 2"]);
        assert.deepEqual(world.lines("trouble_over").map(({ detail }) => detail), ["cometchat_does_not_answer"]);
        await isHealthy(world);
      } finally {
        await world.close();
      }
    });
  }

  test("refuses the key, messages wait, and all are answered once it works again", async () => {
    const world = await startWorld();
    try {
      const { emulator } = world;
      const senders = people(6);
      for (const uid of senders) emulator.addUser({ uid, name: uid });
      // One reply is in doubt already: its look is refused too.
      emulator.set({ restAcceptedCut: 1 });
      const ids = [await world.rehearse("hello", senders[0]!)];
      await world.struck("restAcceptedCut");
      emulator.set({ restAcceptedCut: 0, keyRevoked: true });
      for (const sender of senders.slice(1)) ids.push(await world.rehearse("say 2", sender), await world.rehearse("hello", sender));

      const conversation = `${bot}:user:${senders[1]}`;
      await eventually(async () => assert.equal((await world.view(conversation)).waitsFor, "AUTH_ERR_APIKEY_NOT_FOUND"));
      await eventually(() => assert.deepEqual(trouble(world), ["cometchat_denies"]));
      const kv = await world.kv();
      await eventually(async () => assert.ok(await kv.get("trouble:cometchat_denies"), "It is not noted."));
      assert.deepEqual(await health(world), [503, { status: "trouble", bots: ["demo_bot", bot], trouble: ["cometchat_denies"] }]);
      await world.struck("keyRevoked", 6);
      const { inFlight, inbox, outbox, counts } = await world.view(conversation);
      assert.deepEqual([inFlight, inbox, outbox, counts.received], [2, 0, 3, 2]);
      assert.deepEqual(world.ends(), []);

      emulator.set({ keyRevoked: false });
      for (const id of ids) assert.equal((await world.ended(id, { within: 60_000 })).outcome, "answered");
      assert.deepEqual(world.said({ user: senders[0]! }, bot), ["1: hello"]);
      for (const user of senders.slice(1)) assert.deepEqual(world.said({ user }, bot), ["1 of 2", "2 of 2", "2: hello"]);
      assert.equal(world.calls(ids[0]!).sends.length, 1);
      assert.deepEqual(trouble(world), ["cometchat_denies"]);
      assert.deepEqual(world.lines("trouble_over").map(({ detail }) => detail), ["cometchat_denies"]);
      await isHealthy(world);
    } finally {
      await world.close();
    }
  });
});

/** What the log says of trouble. */
function trouble(world: World): unknown[] {
  return world.lines("trouble").map(({ detail }) => detail);
}

async function health(world: World): Promise<[status: number, body: unknown]> {
  const { status, body } = await world.request("/health");
  return [status, body];
}

/** Waits until the trouble is over in `/health` too, which believes for 15 s what it has read. */
function isHealthy(world: World): Promise<void> {
  return eventually(async () => assert.deepEqual(await health(world), [200, { status: "ok", bots: ["demo_bot", bot] }]), {
    within: 20_000,
    every: 500,
  });
}
