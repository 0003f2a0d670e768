/** The look for a reply in doubt in histories that are long, odd, or endless. */

import assert from "node:assert/strict";
import { describe, test } from "node:test";

import type { SettingValue } from "../emulator/index.ts";
import { startWorld } from "./harness.ts";

const bot = "rehearsal_bot";

describe("a history is read to its end", { concurrency: true }, () => {
  // With 150 messages before the reply and 150 after it: how many requests it takes to find it, and to find it missing.
  const histories: [settings: Record<string, SettingValue>, found?: number, missing?: number][] = [
    [{}, 2, 4],
    [{ historyCap: 30 }, 6, 11],
    [{ historyCap: 30, historyOrder: "descending", historyMeta: "absent", restMuid: "present" }, 6, 11],
    [{ historyOrder: "descending" }, 2, 4],
    [{ historyNulls: 0.05 }, 2, 4],
    [{ historyOldSentAt: 0.05 }, 2, 4],
    [{ historyShortPages: 1 }],
    [{ historyOldSentAt: 1 }, 2, 4],
    [{ historyShortPages: 1, historyOldSentAt: 0.5 }],
    [{ historyCap: 30, historyShortPages: 0.5, historyNulls: 0.2, historyOldSentAt: 0.2, historyOrder: "descending" }],
  ];
  for (const [settings, found, missing] of histories) {
    test(`${JSON.stringify(settings)}: a reply that is in it is not sent again, and one that is not is`, async () => {
      const world = await startWorld();
      try {
        const { emulator } = world;
        emulator.set({ callbackDrop: 1, ...settings });
        const members = { "cometchat-uid-1": "admin", "cometchat-uid-2": "participant", [bot]: "participant" } as const;
        const chatter = (receiver: string) => {
          for (let n = 0; n < 150; n += 1) emulator.send({ sender: "cometchat-uid-2", receiver, receiverType: "group", text: `chatter ${n}` });
        };
        const ids: string[] = [];
        for (const [guid, fault] of [["taken", "restAcceptedCut"], ["lost", "restCut"]] as const) {
          emulator.addGroup({ guid, name: guid, owner: "cometchat-uid-1", members });
          chatter(guid);
          emulator.set({ restAcceptedCut: 0, restCut: 0, [fault]: 1 });
          ids.push(await world.rehearse("hello", "cometchat-uid-1", { to: { group: guid } }));
          await world.struck(fault);
        }
        emulator.set({ restAcceptedCut: 0, restCut: 0 });
        for (const guid of ["taken", "lost"]) chatter(guid);
        for (const id of ids) assert.equal((await world.ended(id)).outcome, "answered");
        assert.deepEqual(["taken", "lost"].map((group) => world.said({ group }, bot)), [["1: hello"], ["1: hello"]]);
        const [taken, lost] = ids.map((id) => world.calls(id));
        assert.deepEqual([taken?.sends.length, lost?.sends.length], [1, 2]);
        if (found !== undefined) assert.deepEqual([taken?.looks.length, lost?.looks.length], [found, missing]);
      } finally {
        await world.close();
      }
    });
  }
});

test("a history that is too long to be searched ends the doubt: the reply is dead, and newer answers go on", async () => {
  const world = await startWorld();
  try {
    const { emulator } = world;
    // The bot does not hear the group: what the emulator records of ten thousand callbacks would push out all else.
    await world.rest("PUT", `/bots/${bot}`, { groupChatSetting: "none" });
    const members = { "cometchat-uid-1": "admin", "cometchat-uid-2": "participant", [bot]: "participant" } as const;
    emulator.addGroup({ guid: "hall", name: "Hall", owner: "cometchat-uid-1", members });
    emulator.set({ restAcceptedCut: 1 });
    const to = { group: "hall" };
    const id = await world.rehearse("say 2", "cometchat-uid-1", { to });
    await world.struck("restAcceptedCut");
    emulator.set({ restAcceptedCut: 0 });
    const next = await world.rehearse("hello", "cometchat-uid-1", { to });
    for (let n = 0; n < 10_000; n += 1) emulator.send({ sender: "cometchat-uid-2", receiver: "hall", receiverType: "group", text: `chatter ${n}` });

    const end = await world.ended(id, { within: 30_000 });
    assert.deepEqual([end.outcome, end.reason, end.replies], ["dead", "in_doubt", 0]);
    const { sends, looks } = world.calls(id);
    assert.deepEqual([sends.length, looks.length], [1, 100]);
    assert.equal((await world.ended(next)).outcome, "answered");
    assert.deepEqual(world.said(to, bot).slice(-1), ["2: hello"]);
    const { counts, inFlight } = await world.view(`${bot}:group:hall`);
    assert.deepEqual([counts, inFlight], [{ received: 2, answered: 1, ignored: 0, handedOver: 0, dead: 1 }, 0]);
    // The operator sees which replies, and that CometChat may have the first.
    const letter = JSON.parse((await (await world.kv()).get(`dead:${bot}:group:hall:${id}`)) ?? "null");
    assert.deepEqual(letter.replies.map((reply: { id: string; doubtful: boolean }) => [reply.id, reply.doubtful]), [
      [`${bot}-${id}-answer-0`, true],
      [`${bot}-${id}-answer-1`, false],
    ]);
  } finally {
    await world.close();
  }
});
