/** Much of everything: messages that wait, ids that are remembered, replies of one turn, letters, ids that CometChat gives. */

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { describe, test } from "node:test";

import { eventually } from "./eventually.ts";
import { startWorld } from "./harness.ts";
import { message } from "./payloads.ts";
import { recorded } from "./recorded.ts";

const bot = "rehearsal_bot";
const person = "cometchat-uid-1";
const talk = `${bot}:user:${person}`;
const counting = readFileSync(new URL("counting.js", import.meta.url), "utf8");

/** What a statement has cost. */
interface Ran {
  sql: string;
  read: number;
  written: number;
}

const sum = (ran: Ran[], what: "read" | "written") => ran.reduce((total, { [what]: count }) => total + count, 0);

describe("a conversation", { concurrency: true }, () => {
  test("with 1,000 messages that wait is shown by reading each row once", async () => {
    const world = await startWorld({ canRestart: true, wrapper: counting });
    try {
      await world.ended(await world.rehearse("silent", person));
      await world.kill();
      const rows = world.rows(talk);
      for (let n = 1; n <= 1_000; n += 1) {
        const said = message({ id: `waiting-${n}`, to: { user: bot }, text: "hello" });
        const entry = { id: said.id, sender: person, kind: "message/text", seq: n, receivedAt: 1, dueAt: 0, message: said };
        rows[`2/inbox/${String(n).padStart(16, "0")}`] = JSON.stringify(entry);
      }
      world.plant(talk, rows);
      // They wait for their bot.
      await world.restart({ BOTS: { demo_bot: "assistant" } });
      await eventually(() => assert.equal(world.lines("trouble").length, 1));
      for (const time of ["the first time", "again"]) {
        const before = world.log.length;
        const { inFlight, inbox, waitsFor, counts } = await world.view(talk);
        assert.deepEqual([inFlight, inbox, waitsFor, counts.received], [1_000, 1_000, "no_bot", 1_001]);
        const ran = await eventually(() => {
          const lines = world.log.slice(before).split("\n").filter((line) => line.startsWith('{"event":"ran"'));
          assert.ok(lines.length > 0);
          return lines.map((line) => JSON.parse(line) as Ran);
        });
        assert.ok(sum(ran, "read") <= 1_100 && ran.length <= 30, `${time}: ${sum(ran, "read")} rows were read by ${ran.length} statements.`);
      }
    } finally {
      await world.close();
    }
  });

  test("empties itself of 40,000 ids beside a row that was set aside, in pieces, and hears between them", async () => {
    const world = await startWorld({ canRestart: true, wrapper: counting, settings: { REST_AFTER_SECONDS: 1, EMPTY_AFTER_SECONDS: 3 } });
    try {
      await world.ended(await world.rehearse("silent", person));
      const { rows, kv } = recorded("at-rest");
      for (const [key, value] of Object.entries(kv)) await (await world.kv()).put(key, value);
      await world.kill();
      for (let n = 0; n < 20_000; n += 1) {
        rows[`1/seen/message/${2_000_000 + n}`] = "";
        rows[`seen/01700000000/${3_000_000 + n}`] = "";
      }
      rows["aside/1/inbox/0000000000000001"] = "{";
      world.plant(talk, rows, Date.now() + 2_000);
      await world.restart();
      await eventually(
        async () => {
          // Keeps asking meanwhile.
          assert.equal((await world.view(talk)).setAside, 1);
          assert.deepEqual(Object.keys(world.rows(talk)).slice(0, 3), ["aside/1/inbox/0000000000000001"]);
        },
        // Where what went before has rested on top of it, KV is asked again after a minute or two.
        { every: 5, within: 150_000 },
      );
      assert.deepEqual(world.rows(talk), { "aside/1/inbox/0000000000000001": "{" });

      const ran = world.lines("ran") as unknown as Ran[];
      assert.ok(sum(ran, "read") < 200_000 && ran.length < 400, `${sum(ran, "read")} rows were read by ${ran.length} statements.`);
      const pieces = ran.filter(({ sql, written }) => sql.startsWith("DELETE") && written > 0);
      assert.ok(pieces.length >= 40, `It was done in ${pieces.length} pieces.`);
      assert.ok(Math.max(...pieces.map(({ written }) => written)) <= 1_000, "A piece is too large.");
      // Somebody was heard while it was under way.
      const lines = world.log.split("\n").filter((line) => /^{"event":"(asked|ran)"/.test(line));
      const first = lines.findIndex((line) => line.includes('"sql":"DELETE'));
      const last = lines.findLastIndex((line) => line.includes('"sql":"DELETE'));
      const heard = lines.slice(first, last).filter((line) => line.includes('"event":"asked"')).length;
      assert.ok(heard >= 1, "Nobody was heard.");

      const id = await world.rehearse("hello", person);
      assert.equal((await world.ended(id)).outcome, "answered");
      assert.deepEqual(world.said({ user: person }, bot), ["6: hello"]);
    } finally {
      await world.close();
    }
  });

  test("with 99 replies that die has one whole letter, and all are sent by its replay, in order", async () => {
    const world = await startWorld();
    try {
      const conversation = `${bot}:user:stranger`;
      const id = await world.rehearse("say 99", "stranger");
      const end = await world.ended(id);
      assert.deepEqual([end.outcome, end.reason], ["dead", "ERR_UID_NOT_FOUND"]);
      await world.letter(id);
      const letter = JSON.parse((await (await world.kv()).get(`dead:${conversation}:${id}`)) ?? "null");
      const texts = Array.from({ length: 99 }, (_, n) => `${n + 1} of 99`);
      assert.deepEqual(letter.replies.map((reply: { body: { data: { text: string } } }) => reply.body.data.text), texts);
      assert.deepEqual(letter.replies.map((reply: { id: string }) => reply.id), texts.map((_, n) => `${bot}-${id}-answer-${n}`));

      world.emulator.addUser({ uid: "stranger", name: "Stranger" });
      assert.deepEqual(await world.replay(conversation, id), [200, "accepted"]);
      // A hundred requests one after the other, beside other tests.
      await eventually(() => assert.deepEqual(world.said({ user: "stranger" }, bot), texts), { within: 30_000 });
      await eventually(async () => assert.deepEqual((await world.view(conversation)).counts, { received: 1, answered: 1, ignored: 0, handedOver: 0, dead: 0 }));
      assert.deepEqual([world.calls(id).sends.length, world.calls(id).looks.length], [100, 0]);
    } finally {
      await world.close();
    }
  });

  test("gets a hundred replies from one turn and no more, and goes on", async () => {
    const world = await startWorld({ settings: { REPLY_BUDGET_PER_MINUTE: 0 } });
    try {
      for (const count of [101, 6_000]) {
        const id = await world.rehearse(`say ${count}`, person);
        const end = await world.ended(id);
        assert.deepEqual([end.outcome, end.reason, end.attempts, end.replies], ["dead", "too_many_replies", 1, 0]);
        const { kind, reason } = await world.letter(id);
        assert.deepEqual([kind, reason], ["turn", "too_many_replies"]);
      }
      const id = await world.rehearse("say 100", person);
      const { outcome, replies } = await world.ended(id, { within: 30_000 });
      assert.deepEqual([outcome, replies], ["answered", 100]);
      assert.equal(world.said({ user: person }, bot).length, 100);
      // Of what died nothing was kept.
      const next = await world.rehearse("hello", person);
      assert.equal((await world.ended(next)).outcome, "answered");
      assert.equal(world.said({ user: person }, bot).at(-1), "2: hello");
      const { counts, inFlight } = await world.view(talk);
      assert.deepEqual([counts, inFlight], [{ received: 4, answered: 2, ignored: 0, handedOver: 0, dead: 2 }, 0]);
    } finally {
      await world.close();
    }
  });

  test("goes on where CometChat gives its replies ids of 200,000 characters", async () => {
    const world = await startWorld({ canRestart: true, settings: { REPLY_BUDGET_PER_MINUTE: 0, REST_AFTER_SECONDS: 1 } });
    try {
      world.emulator.set({ longIds: true });
      const texts = Array.from({ length: 15 }, (_, n) => `${n + 1}: hello`);
      const ids = [];
      for (const _ of texts) ids.push(await world.rehearse("hello", person));
      for (const id of ids) assert.equal((await world.ended(id)).outcome, "answered");
      assert.deepEqual(world.said({ user: person }, bot), texts);
      // One that is in doubt is known by its id all the same.
      world.emulator.set({ restAcceptedCut: 1 });
      const id = await world.rehearse("hello", person);
      await world.struck("restAcceptedCut");
      world.emulator.set({ restAcceptedCut: 0 });
      assert.equal((await world.ended(id)).outcome, "answered");
      assert.deepEqual(world.said({ user: person }, bot), [...texts, "16: hello"]);
      await eventually(async () => assert.equal((await world.view(talk)).archived, (await world.view(talk)).generation));
      for (const [key, value] of Object.entries(world.rows(talk))) assert.ok(value.length < 10_000, `${key} has ${value.length} characters.`);
    } finally {
      await world.close();
    }
  });
});
