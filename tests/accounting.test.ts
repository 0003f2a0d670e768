/** The books: one line in the log for every message, what was counted, and not a word of what was said. */

import assert from "node:assert/strict";
import { after, before, test } from "node:test";

import { eventually } from "./eventually.ts";
import type { End, World } from "./harness.ts";
import { startWorld } from "./harness.ts";
import { afterMessage, message, messageSent } from "./payloads.ts";

const secret = "zyzzyva";
const person = "cometchat-uid-1";
const to = { user: "rehearsal_bot" };

let world: World;

before(async () => {
  world = await startWorld({ settings: { REPLY_BUDGET_PER_MINUTE: 8, REST_AFTER_SECONDS: 1, EMPTY_AFTER_SECONDS: 600 } });
});
after(() => world.close());

test("every message has one line, with how it ended, and nothing of what it says", async () => {
  type Row = [said: Parameters<typeof afterMessage>[0], outcome: End["outcome"], reason: string, attempts: number, replies: number];
  const rows: Row[] = [
    [{ text: `say 2 ${secret}` }, "answered", "", 1, 1],
    [{ text: "say 3" }, "answered", "", 1, 3],
    [{ text: `silent ${secret}` }, "ignored", "rehearsed", 1, 0],
    [{ text: `person ${secret}` }, "handed_over", "rehearsed", 1, 0],
    [{ text: `fail ${secret}` }, "dead", "bot:rehearsed", 3, 0],
    [{ text: "fill 2000000" }, "dead", "state_too_large", 1, 0],
    [{ sender: "nobody", text: secret }, "dead", "ERR_UID_NOT_FOUND", 1, 0],
    [{ sender: "demo_bot", text: secret }, "ignored", "other_bot", 0, 0],
    [{ sender: "rehearsal_bot", to: { user: person }, text: secret }, "ignored", "own_message", 0, 0],
    [{ sender: "app_system", text: secret }, "ignored", "system", 0, 0],
    [{ category: "call", type: "audio", text: secret }, "ignored", "call", 0, 0],
    [{ category: "action", type: "groupMember", text: secret }, "ignored", "action", 0, 0],
    [{ category: "custom", type: "location", text: secret, data: { customData: { place: secret } } }, "answered", "", 1, 1],
  ];
  const ids: string[] = [];
  for (const [said] of rows) {
    const body = afterMessage({ sender: person, to, fields: { metadata: { note: secret } }, ...said }, { bot: "rehearsal_bot" });
    assert.equal((await world.post(body, { bot: "rehearsal_bot" })).status, 200);
    // Duplicates have no line, and change none.
    assert.deepEqual((await world.post(body, { bot: "rehearsal_bot" })).body, { status: "duplicate" });
    ids.push(String(body.data.id));
  }
  const ends = await Promise.all(ids.map((id) => world.ended(id)));
  for (const [n, [, outcome, reason, attempts, replies]] of rows.entries()) {
    const end = ends[n]!;
    assert.deepEqual([n, end.outcome, end.reason, end.attempts, end.replies], [n, outcome, reason, attempts, replies]);
    assert.deepEqual(Object.keys(end).sort(), ["attempts", "conversation", "event", "kind", "messageId", "outcome", "reason", "replies", "tookMs"]);
  }
  await noMoreLines(rows.length);

  const { counts, inFlight } = await world.view(`rehearsal_bot:user:${person}`);
  assert.deepEqual([counts, inFlight], [{ received: 10, answered: 3, ignored: 4, handedOver: 1, dead: 2 }, 0]);
});

test("with LOG = problems only what is dead has its line", async () => {
  const quiet = await startWorld({ settings: { LOG: "problems" } });
  try {
    const [answered, dead] = [await quiet.rehearse("hello", person), await quiet.rehearse("fill 2000000", person)];
    assert.equal((await quiet.ended(dead)).reason, "state_too_large");
    const talk = `rehearsal_bot:user:${person}`;
    await eventually(async () => assert.equal((await quiet.view(talk)).counts.answered, 1));
    assert.deepEqual(quiet.lines("message").map(({ messageId }) => messageId), [dead], `${answered} has a line.`);
  } finally {
    await quiet.close();
  }
});

test("what cannot be read is logged without its content", async () => {
  const bodies: [body: unknown, status: number][] = [
    [`{"trigger":"after_message","${secret}`, 400],
    [afterMessage({ text: secret, fields: { id: undefined } }), 400],
    [afterMessage({ text: secret }, { appId: "another" }), 403],
    [messageSent({}, { trigger: "message_edited", data: { message: message({ text: secret }) } }), 200],
  ];
  for (const [body, status] of bodies) assert.equal((await world.post(body)).status, status);
  assert.ok(!world.log.includes(secret), world.log);
});

test("a ring of bots is broken by the budget: the rest is ignored, counted, and noted once", async () => {
  const answers = [];
  // Two bots that mention each other, so that no other rule stops them.
  for (let n = 0; n < 12; n += 1) {
    const said = { sender: "demo_bot", to: { group: "team-2" }, mentions: ["rehearsal_bot"], text: secret };
    answers.push((await world.post(afterMessage(said, { bot: "rehearsal_bot" }), { bot: "rehearsal_bot" })).body);
  }
  assert.deepEqual(answers, [
    ...Array(8).fill({ status: "accepted" }),
    ...Array(4).fill({ status: "ignored", reason: "over_budget" }),
  ]);
  await eventually(async () => {
    const { counts, inFlight } = await world.view("rehearsal_bot:group:team-2");
    // There is no such group, so what was answered has died.
    assert.deepEqual([counts, inFlight], [{ received: 12, answered: 0, ignored: 4, handedOver: 0, dead: 8 }, 0]);
  });
  const notes = world.log.split("\n").filter((line) => line.startsWith('{"event":"over_budget"'));
  assert.equal(notes.length, 1, world.log);
  await noMoreLines(13 + 12);
});

/** Waits until every conversation rests, so that nothing more is to come, and looks at the whole log. */
async function noMoreLines(expected: number): Promise<void> {
  const kv = await world.kv();
  const names = new Set(world.ends().filter(({ attempts }) => attempts > 0).map(({ conversation }) => `conversation:${conversation}`));
  await eventually(async () => {
    for (const name of names) assert.ok(await kv.get(name), `${name} does not rest.`);
  });
  const ids = world.ends().map(({ messageId }) => messageId);
  assert.deepEqual([ids.length, new Set(ids).size], [expected, expected]);
  assert.ok(!world.log.includes(secret), world.log);
}
