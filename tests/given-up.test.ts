/** Replies that CometChat has not taken for as long as GIVE_UP_AFTER_SECONDS: dead, and what a replay makes of them. */

import assert from "node:assert/strict";
import { describe, test } from "node:test";

import type { SettingValue } from "../emulator/index.ts";
import { eventually } from "./eventually.ts";
import type { View, World } from "./harness.ts";
import { startWorld } from "./harness.ts";

const bot = "rehearsal_bot";
const person = "cometchat-uid-1";
const talk = `${bot}:user:${person}`;

describe("a reply that is given up", { concurrency: true }, () => {
  const causes: [what: string, settings: Record<string, SettingValue>, reason: string | RegExp, calls: number][] = [
    // Of the calls the first is at once, and the others after 2 to 4 and 4 to 8 seconds.
    ["because CometChat fails", { restOutage: "500" }, "ERR_MISSION_FAILED", 3],
    ["because it does not answer", { restOutage: "cut" }, /^network: /, 3],
    ["because it answers with what is no answer", { restOdd200: 1, restFaultsOn: "sends,histories" }, "unreadable_history", 3],
    // After 1, 2 and 4 seconds.
    ["because it is too busy", { rest429: 1, retryAfterSeconds: 0 }, "ERR_TOO_MANY_REQUESTS", 4],
    ["because it refuses the key", { keyRevoked: true }, "AUTH_ERR_APIKEY_NOT_FOUND", 4],
  ];
  for (const [what, settings, reason, most] of causes) {
    test(`${what} is dead, once, with the rest of its answer, and the next message is served`, async () => {
      const world = await startWorld({ settings: { GIVE_UP_AFTER_SECONDS: 3 } });
      try {
        world.emulator.set(settings);
        const id = await world.rehearse("say 2", person);
        const end = await world.ended(id, { within: 15_000 });
        assert.deepEqual([end.outcome, end.attempts, end.replies], ["dead", 1, 0]);
        if (typeof reason === "string") assert.equal(end.reason, reason);
        else assert.match(end.reason ?? "", reason);
        assert.ok(end.tookMs >= 3_000 && end.tookMs < 13_000, `It took ${end.tookMs} ms.`);
        const calls = world.emulator.restCalls().length;
        assert.ok(calls <= most, `${calls} calls were made.`);
        assert.equal((await world.letter(id)).kind, "reply");
        const letter = JSON.parse((await (await world.kv()).get(`dead:${talk}:${id}`)) ?? "null");
        assert.deepEqual(letter.replies.map((reply: { id: string }) => reply.id), [0, 1].map((n) => `${bot}-${id}-answer-${n}`));

        world.emulator.set({ restOutage: "none", restOdd200: 0, rest429: 0, keyRevoked: false });
        const next = await world.rehearse("hello", person);
        assert.equal((await world.ended(next)).outcome, "answered");
        await hasCounts(world, talk, { received: 2, answered: 1, dead: 1 });
        assert.deepEqual(await world.replay(talk, id), [200, "accepted"]);
        await hasCounts(world, talk, { received: 2, answered: 2 });
        assert.deepEqual(world.said({ user: person }, bot), ["2: hello", "1 of 2", "2 of 2"]);
      } finally {
        await world.close();
      }
    });
  }

  test("has not been tried by a look that CometChat was too busy for", async () => {
    const world = await startWorld({ settings: { GIVE_UP_AFTER_SECONDS: 6 } });
    try {
      world.emulator.set({ restAcceptedCut: 1 });
      const id = await world.rehearse("hello", person);
      await world.struck("restAcceptedCut");
      world.emulator.set({ restAcceptedCut: 0, restFaultsOn: "histories", rest429: 1 });
      const end = await world.ended(id, { within: 20_000 });
      assert.deepEqual([end.outcome, end.reason], ["dead", "ERR_TOO_MANY_REQUESTS"]);
      const { sends, looks } = world.calls(id);
      assert.ok(sends.length === 1 && looks.length >= 2, `${sends.length} sends, ${looks.length} looks`);
      assert.equal((await world.letter(id)).attempts, 1);
    } finally {
      await world.close();
    }
  });

  test("while the key was refused is replayed by that reason, without a look", async () => {
    const world = await startWorld({ settings: { GIVE_UP_AFTER_SECONDS: 2 } });
    try {
      world.emulator.set({ keyRevoked: true });
      const senders = ["cometchat-uid-1", "cometchat-uid-2", "cometchat-uid-3"];
      const ids = [];
      for (const sender of senders) ids.push(await world.rehearse("say 2", sender));
      for (const id of ids) assert.equal((await world.ended(id)).reason, "AUTH_ERR_APIKEY_NOT_FOUND");
      for (const id of ids) await world.letter(id);
      world.emulator.set({ keyRevoked: false });
      const before = world.emulator.restCalls().length;
      const { body } = await world.admin("/dead/replay?reason=AUTH_ERR_APIKEY_NOT_FOUND", "POST");
      assert.deepEqual(body, { accepted: 3, duplicate: 0, failed: 0 });
      for (const sender of senders) await hasCounts(world, `${bot}:user:${sender}`, { received: 1, answered: 1 });
      for (const user of senders) assert.deepEqual(world.said({ user }, bot), ["1 of 2", "2 of 2"]);
      assert.deepEqual(world.emulator.restCalls().slice(before).map(({ operation }) => operation), Array(6).fill("sendBotMessage"));
    } finally {
      await world.close();
    }
  });

  test("and in doubt is looked for at a replay, and sent only if CometChat does not have it", async () => {
    const world = await startWorld({ settings: { GIVE_UP_AFTER_SECONDS: 2 } });
    try {
      // Nothing is answered until it is too late, and CometChat takes the first of the two.
      const ids: string[] = [];
      for (const [n, fault] of ["restAcceptedCut", "restCut"].entries()) {
        world.emulator.set({ restAcceptedCut: 0, restCut: 0, [fault]: 1, restFaultsOn: "sends,histories" });
        ids.push(await world.rehearse("hello", `cometchat-uid-${n + 1}`));
        await world.struck(fault);
      }
      for (const id of ids) {
        const end = await world.ended(id);
        assert.deepEqual([end.outcome, end.attempts, end.replies], ["dead", 1, 0]);
        assert.match(end.reason ?? "", /^network: /);
        assert.equal((await world.letter(id)).attempts, 2);
      }
      world.emulator.set({ restAcceptedCut: 0, restCut: 0 });
      assert.deepEqual(ids.map((id) => [world.calls(id).sends.length, world.calls(id).looks.length]), [[1, 1], [1, 1]]);

      for (const [n, id] of ids.entries()) {
        const conversation = `rehearsal_bot:user:cometchat-uid-${n + 1}`;
        assert.deepEqual(await world.replay(conversation, id), [200, "accepted"]);
        await hasCounts(world, conversation, { received: 1, answered: 1 });
        assert.deepEqual(world.said({ user: `cometchat-uid-${n + 1}` }, "rehearsal_bot"), ["1: hello"]);
      }
      assert.deepEqual(ids.map((id) => [world.calls(id).sends.length, world.calls(id).looks.length]), [[1, 2], [2, 2]]);
    } finally {
      await world.close();
    }
  });
});

function hasCounts(world: World, conversation: string, expected: Partial<View["counts"]>): Promise<void> {
  const none = { received: 0, answered: 0, ignored: 0, handedOver: 0, dead: 0 };
  return eventually(async () => assert.deepEqual((await world.view(conversation)).counts, { ...none, ...expected }));
}
