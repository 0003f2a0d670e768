/** What people get: answers, memory, manners in a group, order; and what happens when CometChat refuses an answer. */

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { after, before, test } from "node:test";

import { eventually } from "./eventually.ts";
import type { World } from "./harness.ts";
import { startWorld } from "./harness.ts";
import type { Said } from "./payloads.ts";
import { afterMessage } from "./payloads.ts";

const sample = readFileSync(new URL("fixtures/bot-callback-sample.json", import.meta.url), "utf8");

let world: World;

before(async () => {
  world = await startWorld();
});
after(() => world.close());

test("the sample that CometChat documents is answered by demo_bot to cometchat-uid-1", async () => {
  const answer = await world.post(sample);
  assert.deepEqual([answer.status, answer.body], [200, { status: "accepted" }]);

  const reply = await world.emulator.waitForMessage(({ sender }) => sender === "demo_bot");
  assert.equal(reply.receiver, "cometchat-uid-1");
  assert.equal(reply.receiverType, "user");
  assert.equal(reply.data?.["text"], "Hello Andrew Joseph! I am a bot that runs on Halley. Say /help to see what I can do.");
  assert.deepEqual(reply.data?.["metadata"], { halley: "demo_bot-712-answer-0" });
  assert.equal(reply.muid, "demo_bot-712-answer-0");

  assert.deepEqual((await world.post(sample)).body, { status: "duplicate" });
  const end = await world.ended("712");
  assert.deepEqual(
    [end.conversation, end.kind, end.outcome, end.replies],
    ["demo_bot:user:cometchat-uid-1", "message/text", "answered", 1],
  );
  assert.equal(world.said({ user: "cometchat-uid-1" }).length, 1);
});

test("a conversation is remembered from one message to the next, and kept apart from others", async () => {
  const ask = (text: string, from: string) => world.ask(text, { from }).then(({ data }) => data?.["text"]);
  assert.equal(
    await ask("/remember the milk", "cometchat-uid-2"),
    "Hello George Alan! Kept. I have 1 note here now: say /notes to see.",
  );
  assert.equal(await ask("/notes", "cometchat-uid-2"), "What I have kept:\n- the milk");
  assert.equal(
    await ask("/notes", "cometchat-uid-3"),
    "Hello Nancy Grace! I have kept nothing here yet. Try /remember something.",
  );
  assert.equal(await ask("thanks", "cometchat-uid-2"), "You said: thanks\nThat was message 3 here, and I keep 1 note.");
});

test("in a group the bot answers whoever means it, to the group, and nobody else", async () => {
  const say = (text: string, fields: object = {}) =>
    world.emulator.send({ sender: "cometchat-uid-2", receiver: "team-1", receiverType: "group", text, ...fields });
  const answerTo = ({ id }: { id: string }) =>
    world.emulator.waitForMessage(({ muid }) => muid === `demo_bot-${id}-answer-0`, { timeout: 10_000 });

  const chatter = say("shall we have lunch?");
  const silence = await world.ended(chatter.id);
  assert.deepEqual([silence.outcome, silence.reason, silence.replies], ["ignored", "not_for_me", 0]);

  const mention = say("<@uid:demo_bot> are you there?");
  const reply = await answerTo(mention);
  assert.deepEqual([reply.receiver, reply.receiverType, reply.sender], ["team-1", "group", "demo_bot"]);
  assert.equal(
    reply.data?.["text"],
    "Hello George Alan! I am a bot that runs on Halley. Say /help to see what I can do.",
  );

  const command = say("/notes");
  assert.equal((await answerTo(command)).data?.["text"], "I have kept nothing here yet. Try /remember something.");

  const thread = say("and in here?", { parentId: reply.id });
  assert.equal((await world.ended(thread.id)).outcome, "answered");

  const elsewhere = say("not in here", { parentId: mention.id });
  assert.deepEqual([(await world.ended(elsewhere.id)).outcome, (await world.ended(elsewhere.id)).reason], ["ignored", "not_for_me"]);
});

test("pictures and what nobody knows yet are answered politely", async () => {
  const attachments = [{ url: "https://files.example/a.png", name: "a.png", mimeType: "image/png", extension: "png", size: "2013" }];
  const sender = "cometchat-uid-4";
  for (const [body, text] of [
    [
      afterMessage({ sender, type: "image", text: "", data: { url: "https://files.example/a.png", attachments } }),
      "Hello cometchat-uid-4! Thank you for the picture. I cannot look at pictures yet, but I keep it in good memory.",
    ],
    [
      afterMessage({ sender, type: "file", text: "", data: { attachments } }),
      "Thank you for the file. I cannot open files yet; tell me in words what you need.",
    ],
    [
      afterMessage({ sender, category: "hologram", type: "live", text: "" }),
      "I got that, but I only understand text so far. Say /help to see what I can do.",
    ],
  ] as const) {
    assert.equal((await world.post(body)).status, 200);
    const reply = await world.emulator.waitForMessage(({ muid }) => muid === `demo_bot-${body.data.id}-answer-0`);
    assert.equal(reply.data?.["text"], text);
  }
});

test("several replies to one message arrive in the order in which they were made", async () => {
  const question = world.emulator.send({ sender: "cometchat-uid-1", receiver: "rehearsal_bot", receiverType: "user", text: "say 5" });
  const end = await world.ended(question.id);
  assert.deepEqual([end.outcome, end.replies], ["answered", 5]);
  assert.deepEqual(world.said({ user: "cometchat-uid-1" }, "rehearsal_bot"), ["1 of 5", "2 of 5", "3 of 5", "4 of 5", "5 of 5"]);
});

test("messages of one conversation are dealt with one after the other", async () => {
  const bodies = Array.from({ length: 8 }, (_, n) =>
    afterMessage({ sender: "cometchat-uid-2", to: { user: "rehearsal_bot" }, text: `number ${n}` }, { bot: "rehearsal_bot" }),
  );
  const answers = await Promise.all(bodies.map((body) => world.post(body, { bot: "rehearsal_bot" })));
  assert.deepEqual(answers.map(({ body }) => body.status), Array(8).fill("accepted"));
  for (const { data } of bodies) assert.equal((await world.ended(data.id)).outcome, "answered");
  const turns = world.said({ user: "cometchat-uid-2" }, "rehearsal_bot").map((text) => String(text).split(":")[0]);
  assert.deepEqual(turns, ["1", "2", "3", "4", "5", "6", "7", "8"]);
});

test("a bot may keep silent", async () => {
  const question = world.emulator.send({ sender: "cometchat-uid-3", receiver: "rehearsal_bot", receiverType: "user", text: "silent" });
  const end = await world.ended(question.id);
  assert.deepEqual([end.outcome, end.reason, end.replies], ["ignored", "rehearsed", 0]);
});

test("an answer that CometChat refuses ends as a dead letter, and the conversation goes on", async () => {
  const refused = afterMessage({ sender: "nobody" });
  assert.deepEqual((await world.post(refused)).body, { status: "accepted" });
  const end = await world.ended(refused.data.id);
  assert.deepEqual([end.outcome, end.reason, end.attempts], ["dead", "ERR_UID_NOT_FOUND", 1]);

  const kv = await world.kv();
  const key = `dead:demo_bot:user:nobody:${refused.data.id}`;
  const letter = await eventually(async () => JSON.parse((await kv.get(key)) ?? assert.fail("There is no dead letter.")));
  assert.equal(letter.reason, "ERR_UID_NOT_FOUND");
  assert.equal(letter.conversation, "demo_bot:user:nobody");
  assert.deepEqual(letter.replies.map(({ id }: { id: string }) => id), [`demo_bot-${refused.data.id}-answer-0`]);

  world.emulator.addUser({ uid: "nobody", name: "Nobody" });
  const next = afterMessage({ sender: "nobody", text: "still there?" });
  await world.post(next);
  assert.equal((await world.ended(next.data.id)).outcome, "answered");
  assert.deepEqual(world.said({ user: "nobody" }), ["You said: still there?\nThat was message 2 here, and I keep no notes."]);
});

test("a sender who is over the budget gets no more answers that minute, in that conversation", async () => {
  const frugal = await startWorld({ settings: { REPLY_BUDGET_PER_MINUTE: 2 } });
  try {
    const post = (said: Said) => frugal.post(afterMessage(said)).then(({ body }) => body);
    const group = { group: "team-1" };
    assert.deepEqual(await post({ to: group, text: "/help" }), { status: "accepted" });
    assert.deepEqual(await post({ to: group, text: "/help" }), { status: "accepted" });
    assert.deepEqual(await post({ to: group, text: "/help" }), { status: "ignored", reason: "over_budget" });
    assert.deepEqual(await post({ to: group, text: "/help", sender: "cometchat-uid-2" }), { status: "accepted" });
    assert.deepEqual(await post({ text: "/help" }), { status: "accepted" });
  } finally {
    await frugal.close();
  }
});
