/** Waking up: before rest, between rest and emptying, after it; and from a value that this version cannot read. */

import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";

import { eventually } from "./eventually.ts";
import type { World } from "./harness.ts";
import { startWorld } from "./harness.ts";
import { afterMessage } from "./payloads.ts";

describe("a conversation", { concurrency: true }, () => {
  let world: World;
  before(async () => {
    world = await startWorld({ settings: { REST_AFTER_SECONDS: 2, EMPTY_AFTER_SECONDS: 5 } });
  });
  after(() => world.close());

  test("that goes on before it rests is written to KV once, as it is at the end", async () => {
    const from = "cometchat-uid-1";
    const key = `conversation:demo_bot:user:${from}`;
    await world.ask("/remember the milk", { from });
    for (const what of ["the bread", "the tea"]) await world.ask(`/remember ${what}`, { from });
    assert.equal(await (await world.kv()).get(key), null);
    const rested = await archived(world, key);
    assert.deepEqual(rested.state.notes, ["the milk", "the bread", "the tea"]);
    assert.deepEqual(rested.counts, { received: 3, answered: 3, ignored: 0, handedOver: 0, dead: 0 });
    assert.equal((await world.view(`demo_bot:user:${from}`)).archived, rested.generation);
  });

  test("that wakes up between rest and emptying goes on with what its object has", async () => {
    const from = "cometchat-uid-2";
    const key = `conversation:demo_bot:user:${from}`;
    const kv = await world.kv();
    await world.ask("/remember the milk", { from });
    const rested = await archived(world, key);
    // KV is not asked while the object has it: a stale value cannot bring old state back.
    await kv.put(key, JSON.stringify({ ...rested, generation: 0, state: { ...rested.state, notes: ["stale"] } }));
    assert.equal((await world.ask("/notes", { from })).data?.["text"], "What I have kept:\n- the milk");
    const again = await archived(world, key, rested.generation);
    assert.deepEqual(again.state.notes, ["the milk"]);
    assert.deepEqual(again.counts, { received: 2, answered: 2, ignored: 0, handedOver: 0, dead: 0 });
  });

  test("does not empty itself before KV shows what it wrote", async () => {
    const from = "cometchat-uid-3";
    const key = `conversation:demo_bot:user:${from}`;
    const kv = await world.kv();
    await world.ask("/remember the milk", { from });
    const rested = await archived(world, key);
    await kv.put(key, JSON.stringify({ ...rested, generation: 0 }));
    const line = `"event":"rest_again","conversation":"demo_bot:user:${from}"`;
    await eventually(() => assert.ok(world.log.includes(line), "It has not looked."), { within: 20_000 });
    assert.equal((await world.ask("/notes", { from })).data?.["text"], "What I have kept:\n- the milk");
  });

  test("that wakes up from KV carries its counts on, what fixed rules put aside included", async () => {
    const from = "cometchat-uid-4";
    const name = `demo_bot:user:${from}`;
    await world.ask("/remember the milk", { from });
    const call = afterMessage({ sender: from, category: "call", type: "audio" });
    assert.deepEqual((await world.post(call)).body, { status: "ignored", reason: "call" });
    const isEmpty = () => eventually(async () => assert.equal("letters" in (await world.view(name)), false), { within: 30_000 });
    await isEmpty();
    const counts = { received: 2, answered: 1, ignored: 1, handedOver: 0, dead: 0 };
    assert.deepEqual((await world.view(name)).counts, counts);

    const another = afterMessage({ sender: from, category: "call", type: "audio" });
    await world.post(another);
    assert.equal((await world.ask("/notes", { from })).data?.["text"], "What I have kept:\n- the milk");
    const expected = { ...counts, received: 4, answered: 2, ignored: 2 };
    await eventually(async () => assert.deepEqual((await world.view(name)).counts, expected));
    await isEmpty();
    assert.deepEqual((await world.view(name)).counts, expected);
  });
});

describe("a value in KV", { concurrency: true }, () => {
  let world: World;
  before(async () => {
    world = await startWorld({ settings: { REST_AFTER_SECONDS: 1, EMPTY_AFTER_SECONDS: 600 } });
  });
  after(() => world.close());

  const hello = (name: string) => `Hello ${name}! I am a bot that runs on Halley. Say /help to see what I can do.`;
  const state = { greeted: true, messages: 7, notes: ["the milk"] };
  const unreadable: [what: string, from: string, name: string, value: string, aside: string][] = [
    ["that is no JSON", "cometchat-uid-1", "Andrew Joseph", '{"version":1,"state"', "damaged"],
    ["that has no version", "cometchat-uid-2", "George Alan", JSON.stringify({ generation: 3, state }), "damaged"],
    ["of a newer version", "cometchat-uid-3", "Nancy Grace", JSON.stringify({ version: 2, generation: 3, state }), "2"],
  ];
  for (const [what, from, name, value, aside] of unreadable) {
    test(`${what} is set aside, and the conversation starts afresh`, async () => {
      const kv = await world.kv();
      const address = `demo_bot:user:${from}`;
      await kv.put(`conversation:${address}`, value);
      assert.equal((await world.ask("hi", { from })).data?.["text"], hello(name));
      await eventually(async () => assert.equal(await kv.get(`aside:${aside}:${address}`), value));
      const [entry] = (await kv.list({ prefix: `aside:${aside}:${address}` })).keys;
      const days = ((entry?.expiration ?? 0) * 1000 - Date.now()) / 86_400_000;
      assert.ok(days > 89.9 && days <= 90, `It expires in ${days} days.`);
      assert.ok(world.log.includes(`"event":"state_set_aside","conversation":"${address}"`), world.log);
      const rested = await archived(world, `conversation:${address}`);
      assert.deepEqual(rested.counts, { received: 1, answered: 1, ignored: 0, handedOver: 0, dead: 0 });
      assert.equal(rested.state.messages, 1);
      assert.equal(rested.aside ?? null, aside === "2" ? 2 : null);
    });
  }

  test("with a state that the bot cannot read: the state is set aside, the counts stay", async () => {
    const kv = await world.kv();
    const from = "cometchat-uid-4";
    const address = `demo_bot:user:${from}`;
    const counts = { received: 5, answered: 4, ignored: 1, handedOver: 0, dead: 0 };
    await kv.put(`conversation:${address}`, resting({ generation: 9, state: { notes: 7 }, counts }));
    assert.equal((await world.ask("hi", { from })).data?.["text"], hello("Susan Marie"));
    await eventually(async () => assert.equal(await kv.get(`aside:state:${address}`), '{"notes":7}'));
    const rested = await archived(world, `conversation:${address}`, 9);
    assert.deepEqual(rested.counts, { ...counts, received: 6, answered: 5 });
  });

  test("that code of a newer version has set aside before is taken back by that code", async () => {
    const kv = await world.kv();
    const from = "cometchat-uid-5";
    const address = `demo_bot:user:${from}`;
    await kv.put(`conversation:${address}`, resting({ generation: 4, state: { greeted: true }, aside: 1 }));
    await kv.put(`aside:1:${address}`, resting({ generation: 3, state }));
    assert.equal((await world.ask("/notes", { from })).data?.["text"], "What I have kept:\n- the milk");
    const rested = await archived(world, `conversation:${address}`, 4);
    assert.equal(rested.aside ?? null, null);
  });
});

/** A value as KV holds it. */
function resting(fields: object): string {
  const counts = { received: 1, answered: 1, ignored: 0, handedOver: 0, dead: 0 };
  return JSON.stringify({ version: 1, generation: 1, bot: "demo_bot", state: null, counts, sent: [], updatedAt: 1, ...fields });
}

/** What KV has of a conversation, once it has a newer generation than this one. */
function archived(world: World, key: string, than = 0): Promise<any> {
  return eventually(
    async () => {
      const value = JSON.parse((await (await world.kv()).get(key)) ?? "null");
      assert.ok(value?.version === 1 && value.generation > than, "It does not rest.");
      return value;
    },
    { within: 20_000 },
  );
}
