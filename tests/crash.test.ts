/** `kill -9` of the runtime at the worst moments, and a new start on the same storage: answered, and answered once. */

import assert from "node:assert/strict";
import { describe, test } from "node:test";

import { eventually } from "./eventually.ts";
import type { World } from "./harness.ts";
import { startWorld } from "./harness.ts";

const person = "cometchat-uid-1";
const conversation = `rehearsal_bot:user:${person}`;

describe("killed", { concurrency: true }, () => {
  test("right after the 200: every message is answered once, in order", () =>
    inWorld(async (world) => {
      const senders = ["cometchat-uid-1", "cometchat-uid-2", "cometchat-uid-3"];
      await Promise.all(senders.map((sender) => world.rehearse("say 2", sender)));
      await Promise.all(senders.map((sender) => world.rehearse("hello", sender)));
      await world.kill();
      await world.restart();
      for (const user of senders) await hasSaid(world, ["1 of 2", "2 of 2", "2: hello"], user);
      for (const user of senders) await isSettled(world, { received: 2, answered: 2 }, `rehearsal_bot:user:${user}`);
    }));

  test("while CometChat takes the reply and has not said so: the reply is looked for, and not sent again", () =>
    inWorld(async (world) => {
      world.emulator.set({ restSlow: 1, restSlowMs: 60_000 });
      const id = await world.rehearse("hello", person);
      await hasSaid(world, ["1: hello"]);
      await world.kill();
      world.emulator.set({ restSlow: 0 });
      await world.restart();
      await isSettled(world, { received: 1, answered: 1 });
      const { sends, looks } = world.calls(id);
      assert.deepEqual([sends.length, looks.length], [1, 1]);
      await hasSaid(world, ["1: hello"]);
    }));

  test("while CometChat is down: the reply is sent once it is back", () =>
    inWorld(async (world) => {
      world.emulator.set({ rest500: 1 });
      const id = await world.rehearse("say 3", person);
      await eventually(() => assert.ok(world.calls(id).sends.length >= 1, "Nothing was sent."));
      await world.kill();
      await world.restart();
      await eventually(() => assert.ok(world.calls(id).looks.length >= 1, "Nothing was looked for."));
      world.emulator.set({ rest500: 0 });
      await hasSaid(world, ["1 of 3", "2 of 3", "3 of 3"]);
      await isSettled(world, { received: 1, answered: 1 });
    }));

  test("in the middle of a turn: the attempt counts, and the next one is made", () =>
    inWorld(async (world) => {
      await world.rehearse("hello", person);
      await hasSaid(world, ["1: hello"]);
      await world.rehearse("hang", person);
      const next = await world.rehearse("hello", person);
      // A bot that hangs three times over would take longer than this test; the mended one does not.
      await world.kill();
      await world.restart({ BOTS: { rehearsal_bot: "assistant" } });
      assert.equal((await world.ended(next)).outcome, "answered");
      const [, hung, last] = world.said({ user: person }, "rehearsal_bot");
      assert.equal(hung, "Hello Andrew Joseph! I am a bot that runs on Halley. Say /help to see what I can do.");
      assert.equal(last, "You said: hello\nThat was message 2 here, and I keep no notes.");
      const hanging = world.ends().find(({ attempts }) => attempts === 2);
      assert.equal(hanging?.outcome, "answered");
      await isSettled(world, { received: 3, answered: 3 });
    }));

  test("twice, with replies on their way: still each once", () =>
    inWorld(async (world) => {
      world.emulator.set({ restSlow: 1, restSlowMs: 200 });
      await world.rehearse("say 5", person);
      await world.rehearse("say 4", person);
      for (const heard of [2, 6]) {
        await eventually(() => assert.ok(world.said({ user: person }, "rehearsal_bot").length >= heard), { within: 30_000, every: 5 });
        await world.kill();
        await world.restart();
      }
      const replies = [...[1, 2, 3, 4, 5].map((n) => `${n} of 5`), ...[1, 2, 3, 4].map((n) => `${n} of 4`)];
      await hasSaid(world, replies);
      await isSettled(world, { received: 2, answered: 2 });
      await hasSaid(world, replies);
    }));

  test("before KV has the dead letter: it gets there", () =>
    inWorld(async (world) => {
      const id = await world.rehearse("fill 2000000", person);
      await world.kill();
      await world.restart();
      const letter = await world.letter(id);
      assert.deepEqual([letter.conversation, letter.kind, letter.reason], [conversation, "turn", "state_too_large"]);
      await isSettled(world, { received: 1, dead: 1 });
    }));
});

async function inWorld(play: (world: World) => Promise<void>): Promise<void> {
  const world = await startWorld({ canRestart: true, settings: { REST_AFTER_SECONDS: 3 } });
  try {
    await play(world);
  } finally {
    await world.close();
  }
}

/** Waits until the bot has said exactly this. */
function hasSaid(world: World, texts: string[], user = person): Promise<void> {
  return eventually(() => assert.deepEqual(world.said({ user }, "rehearsal_bot"), texts), { within: 30_000 });
}

/** Waits until nothing is in flight, and checks what became of it all. */
function isSettled(world: World, expected: object, which = conversation): Promise<void> {
  return eventually(
    async () => {
      const { counts, inFlight } = await world.view(which);
      const none = { received: 0, answered: 0, ignored: 0, handedOver: 0, dead: 0 };
      assert.deepEqual([counts, inFlight], [{ ...none, ...expected }, 0]);
    },
    { within: 30_000 },
  );
}
