/** Rest: a quiet conversation goes to KV, its object empties itself, and the next message finds everything again. */

import assert from "node:assert/strict";
import { after, before, test } from "node:test";

import { eventually } from "./eventually.ts";
import type { World } from "./harness.ts";
import { startWorld } from "./harness.ts";

const KEY = "conversation:demo_bot:user:cometchat-uid-1";

let world: World;

before(async () => {
  world = await startWorld({ settings: { REST_AFTER_SECONDS: 1, EMPTY_AFTER_SECONDS: 2 } });
});
after(() => world.close());

test("a conversation rests, empties itself, and wakes up", async () => {
  const kv = await world.kv();
  await world.ask("/remember the milk");
  assert.equal(world.worker.inFlight(), 1);
  assert.equal(await kv.get(KEY), null, "nothing is written while the conversation goes on");

  const rested = await eventually(async () => JSON.parse((await kv.get(KEY)) ?? assert.fail("It does not rest.")));
  assert.equal(rested.version, 1);
  assert.equal(rested.bot, "demo_bot");
  assert.equal(rested.conversationId, "cometchat-uid-1_user_demo_bot");
  assert.deepEqual(rested.state, { greeted: true, messages: 1, notes: ["the milk"] });
  assert.deepEqual(rested.counts, { received: 1, answered: 1, ignored: 0, handedOver: 0, dead: 0 });
  const [entry] = (await kv.list({ prefix: "conversation:" })).keys;
  assert.equal(entry?.name, KEY);
  const days = ((entry?.expiration ?? 0) * 1000 - Date.now()) / 86_400_000;
  assert.ok(days > 89.9 && days <= 90, `It expires in ${days} days.`);
  assert.equal(world.worker.inFlight(), 1, "the object keeps everything for a while");

  await eventually(() => assert.equal(world.worker.inFlight(), 0));

  // Only KV is left: what stands there is what the bot remembers.
  await kv.put(KEY, JSON.stringify({ ...rested, state: { ...rested.state, notes: ["the bread"] } }));
  assert.equal((await world.ask("/notes")).data?.["text"], "What I have kept:\n- the bread");
  const again = await eventually(async () => {
    const value = JSON.parse((await kv.get(KEY)) ?? "null");
    assert.ok(value.generation > rested.generation, "It does not rest again.");
    return value;
  });
  assert.deepEqual(again.counts, { received: 2, answered: 2, ignored: 0, handedOver: 0, dead: 0 });
});
