/** What a bot may say and do: replies of every kind, and what it does to messages, each once and in order, whatever CometChat answers. */

import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";

import type { Message } from "../emulator/cometchat.ts";
import { eventually } from "./eventually.ts";
import type { World } from "./harness.ts";
import { startWorld } from "./harness.ts";

const BOT = "rehearsal_bot";

/** What the bot has said. An edit and a deletion are in the history too, as actions. */
const isReply = ({ sender, category }: Message) => sender === BOT && category !== "action";

describe("each kind", () => {
  let world: World;
  before(async () => {
    world = await startWorld();
  });
  after(() => world.close());

  /** Has the bot do it, and shows what the bot has said about it. */
  async function done(text: string, from: string): Promise<{ question: Message; replies: Message[] }> {
    const question = world.emulator.send({ sender: from, receiver: BOT, receiverType: "user", text });
    const end = await world.ended(question.id);
    assert.equal(end.outcome, "answered");
    const history = world.emulator.messages({ person: from, receiver: BOT, receiverType: "user", limit: 100 });
    const asked = history.find(({ id }) => id === question.id);
    const replies = history.filter((message) => isReply(message) && Number(message.id) > Number(question.id));
    return { question: asked ?? question, replies };
  }

  test("a picture with its caption", async () => {
    const { replies } = await done("picture of the menu", "cometchat-uid-1");
    assert.deepEqual(replies.map(({ category, type }) => [category, type]), [["message", "image"]]);
    const { text, attachments } = replies[0]!.data as { text: string; attachments: unknown };
    assert.equal(text, "picture of the menu");
    assert.deepEqual(attachments, [
      { url: "https://files.example/picture.png", name: "picture.png", mimeType: "image/png", extension: "png" },
    ]);
  });

  test("data of the app's own", async () => {
    const { replies } = await done("custom", "cometchat-uid-2");
    assert.deepEqual(replies.map(({ category, type, data }) => [category, type, data["customData"]]), [["custom", "rehearsed", { turns: 1 }]]);
  });

  test("a reply in the thread of the message", async () => {
    const { question } = await done("thread", "cometchat-uid-3");
    const reply = await world.emulator.waitForMessage(({ sender, receiver }) => sender === BOT && receiver === "cometchat-uid-3");
    assert.equal(reply.parentId, question.id);
  });

  test("another text for an earlier message", async () => {
    const { replies } = await done("edit this", "cometchat-uid-4");
    assert.deepEqual(replies.map(({ data }) => data["text"]), ["edit this"]);
    assert.equal(replies[0]!.editedBy, BOT);
  });

  test("an earlier message deleted, and a reaction", async () => {
    const deleted = await done("delete this", "cometchat-uid-5");
    assert.equal(deleted.replies[0]?.deletedBy ?? BOT, BOT);
    assert.ok(deleted.replies.every(({ deletedAt }) => deletedAt !== undefined));
    const { question } = await done("react", "cometchat-uid-5");
    assert.deepEqual((question.data["reactions"] as { reaction: string; count: number }[]).map(({ reaction, count }) => [reaction, count]), [["👍", 1]]);
  });

  test("that the conversation has been read", async () => {
    const { question } = await done("read", "cometchat-uid-1");
    assert.ok(question.readAt !== undefined || question.deliveredAt !== undefined);
  });
});

/** Worlds of their own, because a fault strikes every conversation: they wait side by side. */
describe("what makes no message is done again without a look", { concurrency: true }, () => {
  const faults = ["rest500", "restAccepted500", "restAcceptedCut", "restAcceptedUnanswered"];
  const texts = ["react", "edit this", "delete this"];
  let worlds: World[];
  before(async () => {
    worlds = await Promise.all(faults.map(() => startWorld()));
  });
  after(() => Promise.all(worlds.map((world) => world.close())));

  for (const [n, fault] of faults.entries()) {
    test(fault, async () => {
      const world = worlds[n]!;
      for (const [m, text] of texts.entries()) {
        const from = `cometchat-uid-${m + 1}`;
        world.emulator.set({ [fault]: 0 });
        const question = world.emulator.send({ sender: from, receiver: BOT, receiverType: "user", text: "silent" });
        await world.ended(question.id);
        world.emulator.set({ [fault]: 1, restFaultsOn: "others" });
        const struck = () => world.emulator.restCalls().filter((call) => call.fault === fault).length;
        const before = struck();
        const asked = world.emulator.send({ sender: from, receiver: BOT, receiverType: "user", text });
        await eventually(() => assert.ok(struck() > before));
        world.emulator.set({ [fault]: 0 });
        assert.equal((await world.ended(asked.id, { within: 60_000 })).outcome, "answered");
        const history = world.emulator.messages({ person: from, receiver: BOT, receiverType: "user", limit: 100 });
        const replies = history.filter(isReply);
        assert.equal(replies.length, text === "react" ? 0 : 1, JSON.stringify(replies));
      }
    });
  }
});
