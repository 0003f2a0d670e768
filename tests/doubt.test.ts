/** Replies in doubt: what is no answer, who may say that a reply is there, and how long one is waited for. */

import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";

import type { SettingValue } from "../emulator/index.ts";
import { eventually } from "./eventually.ts";
import type { World } from "./harness.ts";
import { startWorld } from "./harness.ts";

const bot = "rehearsal_bot";

/** What became of a reply: how often it was sent and looked for, and how its message ended. */
type Fate = { sends: number; looks: number; outcome: "answered" | "dead"; reason: string };

const answered = (sends: number, looks: number): Fate => ({ sends, looks, outcome: "answered", reason: "" });

describe("an answer that does not say what became of a reply", { concurrency: true }, () => {
  type Row = [fault: string, settings: Record<string, SettingValue>, fate: Fate];
  const oddBodies: Row[] = ["html", "empty", "error", "noId"].flatMap((odd200Body): Row[] => [
    ["restOdd200", { odd200Body }, answered(2, 1)],
    ["restAcceptedOdd200", { odd200Body }, answered(1, 1)],
  ]);
  const statuses: Row[] = [
    ["restStatus", { restStatusCode: "408" }, answered(2, 1)],
    ["restAcceptedStatus", { restStatusCode: "408" }, answered(1, 1)],
    ["restStatus", { restStatusCode: "425" }, answered(2, 1)],
    ["restAcceptedStatus", { restStatusCode: "425" }, answered(1, 1)],
    // A conflict is a refusal, unless CometChat has the reply.
    ["restStatus", { restStatusCode: "409" }, { sends: 1, looks: 1, outcome: "dead", reason: "HTTP_409" }],
    ["restAcceptedStatus", { restStatusCode: "409" }, answered(1, 1)],
    // What refuses everybody refuses no reply: a second later it is sent again.
    ["restStatus", { restStatusCode: "401" }, answered(2, 0)],
    ["restStatus", { restStatusCode: "403" }, answered(2, 0)],
  ];

  for (const [what, rows] of [["a 200 that is none", oddBodies], ["another status", statuses]] as const) {
    describe(what, { concurrency: true }, () => {
      let world: World;
      let ids: string[];
      before(async () => {
        world = await startWorld();
        ids = [];
        // Each strikes another person's reply, and all have struck before the first is looked for.
        for (const [n, [fault, settings]] of rows.entries()) {
          world.emulator.addUser({ uid: `person-${n}`, name: `Person ${n}` });
          world.emulator.set({ restOdd200: 0, restAcceptedOdd200: 0, restStatus: 0, restAcceptedStatus: 0, [fault]: 1, ...settings });
          ids.push(await world.rehearse("hello", `person-${n}`));
          await eventually(() => assert.equal(world.calls(ids[n]!).sends[0]?.outcome, "answered"));
        }
        world.emulator.set({ restOdd200: 0, restAcceptedOdd200: 0, restStatus: 0, restAcceptedStatus: 0 });
      });
      after(() => world.close());

      for (const [n, [fault, settings, fate]] of rows.entries()) {
        test(`${fault} ${JSON.stringify(settings)}: ${JSON.stringify(fate)}`, async () => {
          const id = ids[n]!;
          const { outcome, reason } = await world.ended(id);
          const { sends, looks } = world.calls(id);
          assert.deepEqual({ sends: sends.length, looks: looks.length, outcome, reason }, fate);
          assert.deepEqual(world.said({ user: `person-${n}` }, bot), outcome === "answered" ? ["1: hello"] : []);
        });
      }
    });
  }
});

describe("a reply that CometChat does not have is sent although somebody else has said something with", { concurrency: true }, () => {
  const forgeries: [what: string, fields: (id: string) => { muid?: string; data: { text: string; metadata?: { halley: string } } }][] = [
    ["its muid", (muid) => ({ muid, data: { text: "forged" } })],
    ["its id in the metadata", (halley) => ({ data: { text: "forged", metadata: { halley } } })],
    ["both", (id) => ({ muid: id, data: { text: "forged", metadata: { halley: id } } })],
  ];
  const rows = forgeries.flatMap(([what, fields], n) =>
    (["group", "user"] as const).map((where) => ({ what, fields, where, peer: `${where}-${n}`, id: `forged-${where}-${n}` })),
  );

  let world: World;
  before(async () => {
    // What people say reaches no bot: they only forge.
    world = await startWorld();
    const { emulator } = world;
    emulator.set({ callbackDrop: 1, restMuid: "present", restStatus: 1, restStatusCode: "408" });
    for (const { where, peer, id, fields } of rows) {
      const forger = where === "group" ? "cometchat-uid-2" : peer;
      if (where === "user") emulator.addUser({ uid: peer, name: peer });
      else emulator.addGroup({ guid: peer, name: peer, owner: "cometchat-uid-1", members: { "cometchat-uid-1": "admin", [forger]: "participant", [bot]: "participant" } });
      emulator.send({ sender: forger, receiver: where === "group" ? peer : bot, receiverType: where, ...fields(`${bot}-${id}-answer-0`) });
      await world.rehearse("hello", where === "group" ? "cometchat-uid-1" : peer, { id, ...(where === "group" && { to: { group: peer } }) });
    }
    await world.struck("restStatus", rows.length);
    emulator.set({ restStatus: 0 });
  });
  after(() => world.close());

  for (const { what, where, peer, id } of rows) {
    test(`${what} (${where})`, async () => {
      assert.equal((await world.ended(id)).outcome, "answered");
      assert.deepEqual(world.said(where === "group" ? { group: peer } : { user: peer }, bot), ["1: hello"]);
    });
  }
});

test("a reply that has been in doubt for half an hour lets newer answers go before it, and is found in the end", async () => {
  const world = await startWorld({ canRestart: true });
  try {
    const conversation = `${bot}:user:cometchat-uid-1`;
    world.emulator.set({ restAcceptedCut: 1 });
    const id = await world.rehearse("say 2", "cometchat-uid-1");
    await world.struck("restAcceptedCut");
    await eventually(async () => assert.equal((await world.view(conversation)).waitsFor?.slice(0, 8), "network:"));
    await world.kill();
    const rows = world.rows(conversation);
    const [first = "", second = ""] = Object.keys(rows).filter((key) => key.startsWith("2/outbox/"));
    const past = Date.now() - 31 * 60_000;
    rows[first] = JSON.stringify({ ...JSON.parse(rows[first]!), doubtfulSince: past, madeAt: past, dueAt: past });
    world.plant(conversation, rows);
    world.emulator.set({ restAcceptedCut: 0, restFaultsOn: "histories", rest500: 1 });
    await world.restart();

    await eventually(async () => assert.equal((await world.view(conversation)).apart, 2));
    assert.deepEqual(world.lines("reply_set_apart").map(({ detail }) => detail), [`${bot}-${id}-answer-0`]);
    const next = await world.rehearse("hello", "cometchat-uid-1");
    assert.equal((await world.ended(next)).outcome, "answered");
    assert.deepEqual(world.said({ user: "cometchat-uid-1" }, bot), ["1 of 2", "2: hello"]);
    const { counts, inFlight, outbox } = await world.view(conversation);
    assert.deepEqual([counts, inFlight, outbox], [{ received: 2, answered: 1, ignored: 0, handedOver: 0, dead: 0 }, 1, 2], second);

    world.emulator.set({ rest500: 0 });
    const end = await world.ended(id, { within: 30_000 });
    assert.deepEqual([end.outcome, end.replies], ["answered", 2]);
    assert.deepEqual(world.said({ user: "cometchat-uid-1" }, bot), ["1 of 2", "2: hello", "2 of 2"]);
    assert.equal(world.calls(id).sends.length, 2);
  } finally {
    await world.close();
  }
});
