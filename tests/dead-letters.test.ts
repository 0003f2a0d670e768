/** Dead letters: what an operator sees of a message that died, and what becomes of it when it is tried again. */

import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";

import { eventually } from "./eventually.ts";
import type { Letter, View, World } from "./harness.ts";
import { startWorld } from "./harness.ts";
import { afterMessage } from "./payloads.ts";

describe("a dead message", { concurrency: true }, () => {
  test("whose turn died is run again, and dies again for as long as its cause is there", async () => {
    const world = await startWorld({ canRestart: true });
    try {
      const conversation = "rehearsal_bot:user:cometchat-uid-1";
      const id = await world.rehearse("fill 2000000", "cometchat-uid-1");
      assert.equal((await world.ended(id)).outcome, "dead");
      const letter = await world.letter(id);
      assert.deepEqual([letter.kind, letter.reason, letter.attempts], ["turn", "state_too_large", 1]);
      assert.ok(Math.abs(letter.diedAt - Date.now()) < 60_000);
      await hasCounts(world, conversation, { received: 1, dead: 1 });

      assert.deepEqual(await world.replay(conversation, id), [200, "accepted"]);
      await eventually(() => assert.equal(world.ends().filter(({ messageId }) => messageId === id).length, 2));
      await world.letter(id, { after: letter.diedAt });
      await hasCounts(world, conversation, { received: 1, dead: 1 });

      // The bot is mended and deployed again; what it had not understood it understands now.
      await world.kill();
      await world.restart({ BOTS: { demo_bot: "assistant", rehearsal_bot: "assistant" } });
      assert.deepEqual(await world.replay(conversation, id), [200, "accepted"]);
      const text = "Hello Andrew Joseph! I am a bot that runs on Halley. Say /help to see what I can do.";
      await eventually(() => assert.deepEqual(world.said({ user: "cometchat-uid-1" }, "rehearsal_bot"), [text]));
      await hasCounts(world, conversation, { received: 1, answered: 1 });
      await isGone(world, conversation, id);
      const [reply] = world.calls(id).sends;
      assert.equal((reply?.request.body as { muid: string }).muid, `rehearsal_bot-${id}-answer-0`);
      assert.deepEqual(await world.replay(conversation, id), [404, "ERR_DEAD_LETTER_NOT_FOUND"]);
    } finally {
      await world.close();
    }
  });

  // These find each other's letters, so one after the other.
  describe("among others", { concurrency: false }, () => {
    let world: World;

    before(async () => {
      world = await startWorld({ canRestart: true, settings: { REST_AFTER_SECONDS: 1, EMPTY_AFTER_SECONDS: 600 } });
    });
    after(() => world.close());

    test("replies that were refused are sent under the ids that they had, once, and without a look", async () => {
      const conversation = "rehearsal_bot:user:stranger";
      const id = await world.rehearse("say 2", "stranger");
      assert.deepEqual((await world.ended(id)).reason, "ERR_UID_NOT_FOUND");
      const listed = await world.letter(id);
      assert.deepEqual([listed.conversation, listed.kind, listed.reason, listed.attempts], [conversation, "reply", "ERR_UID_NOT_FOUND", 1]);
      await hasCounts(world, conversation, { received: 1, dead: 1 });
      const kv = await world.kv();
      const letter = (await kv.get(`dead:${conversation}:${id}`)) ?? assert.fail("There is no dead letter.");

      world.emulator.addUser({ uid: "stranger", name: "Stranger" });
      // Impatiently: whoever comes second finds it in flight, or dealt with, or its letter gone.
      const answers = await Promise.all([1, 2, 3].map(() => world.replay(conversation, id)));
      assert.equal(answers.filter(([, status]) => status === "accepted").length, 1, JSON.stringify(answers));
      for (const [status, what] of answers) {
        assert.ok(status === 200 || status === 404, JSON.stringify(answers));
        assert.ok(["accepted", "duplicate", "ERR_DEAD_LETTER_NOT_FOUND"].includes(what), JSON.stringify(answers));
      }
      await eventually(() => assert.deepEqual(world.said({ user: "stranger" }, "rehearsal_bot"), ["1 of 2", "2 of 2"]));
      await hasCounts(world, conversation, { received: 1, answered: 1 });
      await isGone(world, conversation, id);
      const { sends, looks } = world.calls(id);
      assert.equal(looks.length, 0);
      const muids = sends.map(({ request }) => (request.body as { muid: string }).muid);
      assert.deepEqual(muids, [0, 0, 1].map((n) => `rehearsal_bot-${id}-answer-${n}`));

      // KV may go on showing a letter for a minute after it is gone.
      await kv.put(`dead:${conversation}:${id}`, letter);
      assert.deepEqual(await world.replay(conversation, id), [200, "duplicate"]);
      assert.deepEqual((await world.post(again(id, "stranger"), { bot: "rehearsal_bot" })).body, { status: "duplicate" });
      await hasCounts(world, conversation, { received: 1, answered: 1 });
      assert.deepEqual(world.said({ user: "stranger" }, "rehearsal_bot"), ["1 of 2", "2 of 2"]);
    });

    test("messages of one id that die in two conversations have a letter each", async () => {
      const id = "twice-there";
      const conversations = ["cometchat-uid-3", "cometchat-uid-4"].map((sender) => `rehearsal_bot:user:${sender}`);
      for (const sender of ["cometchat-uid-3", "cometchat-uid-4"]) await world.rehearse("fill 2000000", sender, { id });
      const letters = await Promise.all(conversations.map((conversation) => world.letter(id, { conversation })));
      assert.deepEqual(letters.map(({ reason }) => reason), ["state_too_large", "state_too_large"]);
      const kv = await world.kv();
      const stored = await Promise.all(conversations.map((conversation) => kv.get(`dead:${conversation}:${id}`)));
      const turns = stored.map((letter) => JSON.parse(letter ?? assert.fail("There is no dead letter.")).turn.sender);
      assert.deepEqual(turns, ["cometchat-uid-3", "cometchat-uid-4"]);
      // Each is given up, or tried again, without the other.
      assert.equal((await world.admin(`/dead/rehearsal_bot/user/cometchat-uid-3/${id}`, "DELETE")).status, 200);
      await isGone(world, conversations[0]!, id);
      assert.deepEqual(await world.replay(conversations[1]!, id), [200, "accepted"]);
      await eventually(() => assert.equal(world.ends().filter(({ conversation, outcome }) => conversation === conversations[1] && outcome === "dead").length, 2));
      for (const conversation of conversations) await hasCounts(world, conversation, { received: 1, dead: 1 });
    });

    test("a letter under a key of before, without its conversation, is listed, and replayed by bot and message", async () => {
      const conversation = "rehearsal_bot:user:immigrant";
      const id = await world.rehearse("hello", "immigrant");
      await world.letter(id);
      const kv = await world.kv();
      const letter = (await kv.get(`dead:${conversation}:${id}`)) ?? assert.fail("There is no dead letter.");
      await kv.put(`dead:rehearsal_bot:${id}`, letter);
      await kv.delete(`dead:${conversation}:${id}`);
      const items = (await world.admin("/dead?limit=1000")).body.items as Letter[];
      assert.deepEqual(items.filter(({ messageId }) => messageId === id), [{ conversation: "rehearsal_bot", messageId: id }]);
      world.emulator.addUser({ uid: "immigrant", name: "Immigrant" });
      assert.deepEqual(await world.replay("rehearsal_bot", id), [200, "accepted"]);
      await hasCounts(world, conversation, { received: 1, answered: 1 });
      await eventually(async () => assert.equal(await kv.get(`dead:rehearsal_bot:${id}`), null, "The letter is still there."));
    });

    test("many are replayed by reason and time, a page at a time", async () => {
      const before = Date.now();
      const strangers = ["pilgrim-1", "pilgrim-2", "pilgrim-3"];
      const ids = [];
      for (const sender of strangers) ids.push(await world.rehearse("hello", sender));
      const turn = await world.rehearse("fill 2000000", "cometchat-uid-5");
      const letters = await Promise.all([...ids, turn].map((id) => world.letter(id)));
      for (const uid of strangers) world.emulator.addUser({ uid, name: uid });

      const replayed = async (query: string) => {
        const { status, body } = await world.admin(`/dead/replay${query}`, "POST");
        assert.equal(status, 200, JSON.stringify(body));
        return body as { accepted: number; duplicate: number; failed: number; cursor?: string };
      };
      const after = Math.max(...letters.map(({ diedAt }) => diedAt)) + 1;
      for (const query of [`?reason=ERR_UID_NOT_FOUND&after=${after}`, `?before=${before}&reason=ERR_UID_NOT_FOUND`, "?reason=ERR_UID"]) {
        assert.deepEqual(await replayed(query), { accepted: 0, duplicate: 0, failed: 0 }, query);
      }

      const query = `?reason=ERR_UID_NOT_FOUND&after=${before}&before=${after}&limit=2`;
      let page = await replayed(query);
      const pages = [page];
      while (page.cursor !== undefined && pages.length < 50) {
        page = await replayed(`${query}&cursor=${encodeURIComponent(page.cursor)}`);
        pages.push(page);
      }
      assert.ok(pages.length > 1 && pages.every(({ accepted }) => accepted <= 2), JSON.stringify(pages));
      const sum = (what: "accepted" | "duplicate" | "failed") => pages.reduce((total, { [what]: count }) => total + count, 0);
      assert.deepEqual([sum("accepted"), sum("duplicate"), sum("failed")], [3, 0, 0]);
      for (const uid of strangers) {
        await hasCounts(world, `rehearsal_bot:user:${uid}`, { received: 1, answered: 1 });
        assert.deepEqual(world.said({ user: uid }, "rehearsal_bot"), ["1: hello"]);
      }
      await hasCounts(world, "rehearsal_bot:user:cometchat-uid-5", { received: 1, dead: 1 });
      assert.equal((await world.letter(turn)).diedAt, letters[3]!.diedAt);

      // What KV still shows, and what nobody can read.
      const kv = await world.kv();
      const metadata = { kind: "reply", reason: "ERR_OF_THIS_TEST", attempts: 1, diedAt: before };
      const letter = { version: 1, conversation: "rehearsal_bot:user:pilgrim-1", messageId: ids[0], reason: "ERR_OF_THIS_TEST", replies: [] };
      await kv.put(`dead:rehearsal_bot:user:pilgrim-1:${ids[0]}`, JSON.stringify(letter), { metadata });
      await kv.put("dead:rehearsal_bot:user:pilgrim-2:1", "{", { metadata });
      assert.deepEqual(await replayed("?reason=ERR_OF_THIS_TEST&limit=1000"), { accepted: 0, duplicate: 1, failed: 1 });
    });

    test("a letter that is given up is gone, and its message stays dead", async () => {
      const conversation = "rehearsal_bot:user:cometchat-uid-2";
      const id = await world.rehearse("fill 2000000", "cometchat-uid-2");
      await world.letter(id);
      const path = `/dead/rehearsal_bot/user/cometchat-uid-2/${id}`;
      const gone = await world.admin(path, "DELETE");
      assert.deepEqual([gone.status, gone.body], [200, { status: "deleted" }]);
      await isGone(world, conversation, id);
      for (const answer of [await world.admin(path, "DELETE"), await world.admin(`${path}/replay`, "POST")]) {
        assert.deepEqual([answer.status, answer.body.error.code], [404, "ERR_DEAD_LETTER_NOT_FOUND"]);
      }
      await hasCounts(world, conversation, { received: 1, dead: 1 });
      assert.deepEqual((await world.post(again(id, "cometchat-uid-2"), { bot: "rehearsal_bot" })).body, { status: "duplicate" });
    });
  });
});

async function isGone(world: World, conversation: string, id: string): Promise<void> {
  const kv = await world.kv();
  await eventually(async () => assert.equal(await kv.get(`dead:${conversation}:${id}`), null, "The letter is still there."));
}

function hasCounts(world: World, conversation: string, expected: Partial<View["counts"]>): Promise<void> {
  const none = { received: 0, answered: 0, ignored: 0, handedOver: 0, dead: 0 };
  return eventually(async () => assert.deepEqual((await world.view(conversation)).counts, { ...none, ...expected }));
}

function again(id: string, sender: string) {
  return afterMessage({ id, sender, to: { user: "rehearsal_bot" } }, { bot: "rehearsal_bot" });
}
