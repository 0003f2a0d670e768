/** Dead letters: what an operator sees of a message that died, and what becomes of it when it is tried again. */

import assert from "node:assert/strict";
import { after, before, test } from "node:test";

import { eventually } from "./eventually.ts";
import type { View, World } from "./harness.ts";
import { startWorld } from "./harness.ts";
import { afterMessage } from "./payloads.ts";

let world: World;

before(async () => {
  world = await startWorld({ canRestart: true, settings: { REST_AFTER_SECONDS: 1, EMPTY_AFTER_SECONDS: 600 } });
});
after(() => world.close());

test("a turn is run again, and dies again for as long as its cause is there", async () => {
  const conversation = "rehearsal_bot:user:cometchat-uid-1";
  const id = await world.rehearse("fill 2000000", "cometchat-uid-1");
  assert.equal((await world.ended(id)).outcome, "dead");
  const letter = await letterOf(id);
  assert.deepEqual([letter.kind, letter.reason, letter.attempts], ["turn", "state_too_large", 1]);
  assert.ok(Math.abs(letter.diedAt - Date.now()) < 60_000);
  await hasCounts(conversation, { received: 1, dead: 1 });

  assert.deepEqual(await replay(id), [200, "accepted"]);
  await eventually(() => assert.equal(world.ends().filter(({ messageId }) => messageId === id).length, 2));
  assert.ok((await letterOf(id, letter.diedAt)).diedAt > letter.diedAt);
  await hasCounts(conversation, { received: 1, dead: 1 });

  // The bot is mended and deployed again; what it had not understood it understands now.
  await world.kill();
  await world.restart({ BOTS: { demo_bot: "assistant", rehearsal_bot: "assistant" } });
  assert.deepEqual(await replay(id), [200, "accepted"]);
  const text = "Hello Andrew Joseph! I am a bot that runs on Halley. Say /help to see what I can do.";
  await eventually(() => assert.deepEqual(world.said({ user: "cometchat-uid-1" }, "rehearsal_bot"), [text]));
  await hasCounts(conversation, { received: 1, answered: 1 });
  await isGone(id);
  const [reply] = world.calls(id).sends;
  assert.equal((reply?.request.body as { muid: string }).muid, `rehearsal_bot-${id}-answer-0`);
  assert.deepEqual(await replay(id), [404, "ERR_DEAD_LETTER_NOT_FOUND"]);

  await world.kill();
  await world.restart();
});

test("replies are sent under the ids that they had, once", async () => {
  const conversation = "rehearsal_bot:user:stranger";
  const id = await world.rehearse("say 2", "stranger");
  assert.deepEqual((await world.ended(id)).reason, "ERR_UID_NOT_FOUND");
  assert.deepEqual([(await letterOf(id)).kind, (await letterOf(id)).reason], ["reply", "ERR_UID_NOT_FOUND"]);
  await hasCounts(conversation, { received: 1, dead: 1 });
  const kv = await world.kv();
  const letter = (await kv.get(`dead:rehearsal_bot:${id}`)) ?? assert.fail("There is no dead letter.");

  world.emulator.addUser({ uid: "stranger", name: "Stranger" });
  // Impatiently: whoever comes second finds it in flight, or dealt with, or its letter gone.
  const answers = await Promise.all([replay(id), replay(id), replay(id)]);
  assert.equal(answers.filter(([, status]) => status === "accepted").length, 1, JSON.stringify(answers));
  for (const [status, what] of answers) {
    assert.ok(status === 200 || status === 404, JSON.stringify(answers));
    assert.ok(["accepted", "duplicate", "ERR_DEAD_LETTER_NOT_FOUND"].includes(what), JSON.stringify(answers));
  }
  await eventually(() => assert.deepEqual(world.said({ user: "stranger" }, "rehearsal_bot"), ["1 of 2", "2 of 2"]));
  await hasCounts(conversation, { received: 1, answered: 1 });
  await isGone(id);
  const muids = world.calls(id).sends.map(({ request }) => (request.body as { muid: string }).muid);
  assert.deepEqual(muids, [0, 0, 1].map((n) => `rehearsal_bot-${id}-answer-${n}`));

  // KV may go on showing a letter for a minute after it is gone.
  await kv.put(`dead:rehearsal_bot:${id}`, letter);
  assert.deepEqual(await replay(id), [200, "duplicate"]);
  assert.deepEqual((await world.post(again(id, "stranger"), { bot: "rehearsal_bot" })).body, { status: "duplicate" });
  await hasCounts(conversation, { received: 1, answered: 1 });
  assert.deepEqual(world.said({ user: "stranger" }, "rehearsal_bot"), ["1 of 2", "2 of 2"]);
});

test("what CometChat has in spite of its refusal is not sent again by a replay", async () => {
  const id = await world.rehearse("hello", "foreigner");
  assert.equal((await world.ended(id)).outcome, "dead");
  await letterOf(id);
  world.emulator.addUser({ uid: "foreigner", name: "Foreigner" });
  const [refused] = world.calls(id).sends;
  const { status } = await fetch(`${world.emulator.apiUrl}/bots/rehearsal_bot/messages`, {
    method: "POST",
    headers: { apikey: world.emulator.apiKey, "Content-Type": "application/json" },
    body: JSON.stringify(refused?.request.body),
  });
  assert.equal(status, 200);
  assert.deepEqual(await replay(id), [200, "accepted"]);
  await hasCounts("rehearsal_bot:user:foreigner", { received: 1, answered: 1 });
  assert.deepEqual(world.said({ user: "foreigner" }, "rehearsal_bot"), ["1: hello"]);
});

test("a letter that is given up is gone, and its message stays dead", async () => {
  const id = await world.rehearse("fill 2000000", "cometchat-uid-2");
  await letterOf(id);
  const gone = await world.admin(`/dead/rehearsal_bot/${id}`, "DELETE");
  assert.deepEqual([gone.status, gone.body], [200, { status: "deleted" }]);
  await isGone(id);
  for (const answer of [await world.admin(`/dead/rehearsal_bot/${id}`, "DELETE"), await world.admin(`/dead/rehearsal_bot/${id}/replay`, "POST")]) {
    assert.deepEqual([answer.status, answer.body.error.code], [404, "ERR_DEAD_LETTER_NOT_FOUND"]);
  }
  await hasCounts("rehearsal_bot:user:cometchat-uid-2", { received: 1, dead: 1 });
  assert.deepEqual((await world.post(again(id, "cometchat-uid-2"), { bot: "rehearsal_bot" })).body, { status: "duplicate" });
});

/** The letter as it is listed, and newer than `after`. */
function letterOf(id: string, after = 0): Promise<{ kind: string; reason: string; attempts: number; diedAt: number }> {
  return eventually(async () => {
    const { body } = await world.admin("/dead");
    const letter = body.items.find(({ message, diedAt }: { message: string; diedAt: number }) => message === `rehearsal_bot:${id}` && diedAt > after);
    return letter ?? assert.fail("There is no dead letter.");
  });
}

async function isGone(id: string): Promise<void> {
  const kv = await world.kv();
  await eventually(async () => assert.equal(await kv.get(`dead:rehearsal_bot:${id}`), null, "The letter is still there."));
}

async function replay(id: string): Promise<[status: number, what: string]> {
  const { status, body } = await world.admin(`/dead/rehearsal_bot/${id}/replay`, "POST");
  return [status, body.status ?? body.error.code];
}

function hasCounts(conversation: string, expected: Partial<View["counts"]>): Promise<void> {
  const none = { received: 0, answered: 0, ignored: 0, handedOver: 0, dead: 0 };
  return eventually(async () => assert.deepEqual((await world.view(conversation)).counts, { ...none, ...expected }));
}

function again(id: string, sender: string) {
  return afterMessage({ id, sender, to: { user: "rehearsal_bot" } }, { bot: "rehearsal_bot" });
}
