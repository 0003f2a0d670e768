/** Callbacks: what is in them, who gets them, and every switch about their delivery. */

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { after, before, beforeEach, describe, it } from "node:test";

import { eventually } from "../eventually.ts";
import type { Listener, Scene } from "./support.ts";
import { scene, textTo } from "./support.ts";

let stage: Scene;
let bot: Listener;

before(async () => {
  stage = await scene();
  bot = stage.bot;
});
beforeEach(async () => {
  await stage.emulator.idle();
  stage.emulator.reset();
  bot.forget();
});
after(() => stage.close());

/** What the bot has heard once nothing is on its way. */
async function heard(): Promise<Listener["heard"]> {
  await stage.emulator.idle();
  return bot.heard;
}

describe("the envelope", () => {
  it("is the documented sample's", async () => {
    const sample = JSON.parse(readFileSync(new URL("../fixtures/bot-callback-sample.json", import.meta.url), "utf8"));
    stage.emulator.set({ callbackMuid: "absent" });
    stage.say("hi");
    const [{ body } = { body: undefined }] = await heard();
    const withoutMangledAvatars = JSON.parse(JSON.stringify(sample, (key, value) => (key === "avatar" ? undefined : value)));
    // The seeded bot has never been active; everything else is there, in the sample's order.
    delete withoutMangledAvatars.data.data.entities.receiver.entity.lastActiveAt;
    assert.deepEqual(keysOf(body), keysOf(withoutMangledAvatars));
    assert.deepEqual([body.trigger, body.appId, body.region, body.bot, body.chatAPIVersion], ["after_message", "2248348660ad9bd4", "eu", "demo_bot", "3.0"]);
    assert.deepEqual(body.origin, sample.origin);
  });

  it("carries Basic auth only when the bot uses it", async () => {
    stage.say("with");
    await stage.emulator.idle();
    await stage.rest("PUT", "/bots/demo_bot", { useBasicAuth: false });
    stage.say("without");
    const headers = (await heard()).map(({ headers: { authorization } }) => authorization);
    assert.deepEqual(headers, [`Basic ${btoa("cometchat:local-callback-password")}`, undefined]);
  });

  it("is the newer one if so switched", async () => {
    stage.emulator.set({ envelope: "new" });
    stage.say("hi");
    const [{ body } = { body: undefined }] = await heard();
    assert.deepEqual(Object.keys(body), ["trigger", "data", "appId", "region", "bot"]);
    assert.deepEqual([body.trigger, body.data.message.data.text], ["message_sent", "hi"]);
  });

  for (const [value, present] of [["present", true], ["absent", false]] as const) {
    it(`has muid, data.mentions and parentId: ${value}`, async () => {
      stage.emulator.set({ callbackMuid: value, callbackMentions: value, callbackParentId: value });
      const parent = stage.say("one");
      stage.emulator.send({ sender: "cometchat-uid-1", receiver: "demo_bot", receiverType: "user", text: "<@uid:demo_bot>", parentId: parent.id });
      const { data } = (await heard())[1]!.body;
      assert.deepEqual(["muid" in data, "mentions" in data.data, "parentId" in data], [present, present, present]);
    });
  }

  for (const contentType of ["application/json", "Application/json", "application/json; charset=utf-8"]) {
    it(`has the Content-Type ${contentType}`, async () => {
      stage.emulator.set({ callbackContentType: contentType });
      stage.say("hi");
      assert.equal((await heard())[0]!.headers["content-type"], contentType);
    });
  }
});

describe("what a person may say", () => {
  it("has the muid and metadata that the person gave it, in the callback and in the history", async () => {
    stage.emulator.set({ restMuid: "present" });
    const forged = { muid: "demo_bot-1-answer-0", data: { metadata: { halley: "demo_bot-1-answer-0" } } };
    stage.emulator.send({ sender: "cometchat-uid-1", receiver: "demo_bot", receiverType: "user", text: "hi", ...forged });
    const history = await stage.rest("GET", "/users/cometchat-uid-1/messages", undefined, { onBehalfOf: "demo_bot" });
    for (const message of [(await heard())[0]!.body.data, history.body.data[0]]) {
      assert.deepEqual([message.sender, message.muid, message.data.metadata, message.data.text], ["cometchat-uid-1", forged.muid, forged.data.metadata, "hi"]);
    }
  });

  it("may have half a surrogate pair in it, which goes out as it is", async () => {
    const text = "half \ud83c of one";
    const message = stage.say(text);
    await stage.emulator.idle();
    await stage.emulator.postCallback({ bot: "demo_bot", body: `{"data":{"data":{"text":"half \\ud83c of one"}}}` });
    await stage.emulator.postCallback({ bot: "demo_bot", body: { data: { data: { text } } } });
    assert.deepEqual(bot.texts(), [text, text, text]);
    const history = await stage.rest("GET", `/messages/${message.id}`);
    assert.equal(history.body.data.data.text, text);
  });
});

describe("who hears what", () => {
  const relayed: [what: string, settings: Record<string, string | boolean>, act: () => unknown, texts: string[]][] = [
    ["1:1, whatever groupChatSetting says", {}, async () => (await groupChat("none"), stage.say("a")), ["a"]],
    ["nothing while the bot is not enabled", {}, async () => (await stage.rest("PUT", "/bots/demo_bot", { enabled: false }), stage.say("a")), []],
    ["nothing of other people's 1:1", {}, () => stage.emulator.send({ sender: "cometchat-uid-1", receiver: "cometchat-uid-2", receiverType: "user", text: "a" }), []],
    ["allMessages", {}, async () => (await groupChat("allMessages"), group("a"), group("/b")), ["a", "/b"]],
    ["slashedMessages", {}, async () => (await groupChat("slashedMessages"), group("a"), group("/b"), group("a /b")), ["/b"]],
    ["mentionedMessages", {}, async () => (await groupChat("mentionedMessages"), group("a"), group("b <@uid:demo_bot>")), ["b <@uid:demo_bot>"]],
    ["mentions by text", { mentionRule: "text" }, async () => (await groupChat("mentionedMessages"), group("<@uid:DEMO_BOT> b"), group("a")), ["<@uid:DEMO_BOT> b"]],
    ["none", {}, async () => (await groupChat("none"), group("<@uid:demo_bot>"), group("/b")), []],
    ["its own messages: no", {}, () => botSays("a"), []],
    ["its own messages: yes", { relayOwnMessages: true }, () => botSays("a"), ["a"]],
    ["app_system: no", {}, () => stage.rest("POST", "/messages", textTo("demo_bot", "a")), []],
    ["app_system: yes", { relaySystemMessages: true }, () => stage.rest("POST", "/messages", textTo("demo_bot", "a")), ["a"]],
    ["custom messages: no", { relayCustomMessages: false }, custom, []],
    ["other bots: no", { relayBotMessages: false }, otherBot, []],
    ["other bots: yes", {}, otherBot, ["a"]],
    ["groups it is no member of: no", {}, outsider, []],
    ["groups it is no member of: yes", { membershipToHear: false }, outsider, ["a"]],
  ];
  for (const [what, settings, act, texts] of relayed) {
    it(what, async () => {
      stage.emulator.set(settings);
      await act();
      await stage.emulator.idle();
      assert.deepEqual(bot.texts(), texts);
    });
  }

  it("custom messages: yes", async () => {
    custom();
    assert.deepEqual((await heard()).map(({ body }) => body.data.data.customData), [{ k: 1 }]);
  });

  it("action messages, if so switched", async () => {
    for (const relay of [false, true]) {
      stage.emulator.set({ relayActionMessages: relay });
      const message = stage.say("a", "group");
      await stage.rest("PUT", `/messages/${message.id}`, { data: { text: "b" } });
      await stage.rest("DELETE", "/groups/team-1/members/cometchat-uid-4");
      await stage.rest("POST", "/groups/team-1/members", { participants: ["cometchat-uid-4"] });
    }
    const kinds = (await heard()).map(({ body: { data } }) => `${data.category}/${data.type}/${data.data.action}`);
    assert.deepEqual(kinds, ["message/text/undefined", "message/text/undefined", "action/message/edited", "action/groupMember/kicked", "action/groupMember/added"]);
  });

  it("threads under its own messages, by mentionRule", async () => {
    await groupChat("mentionedMessages");
    const answer = (await stage.rest("POST", "/bots/demo_bot/messages", textTo("team-1", "ask me", { receiverType: "group" }))).body.data;
    for (const mentionRule of ["data.mentions", "text", "textOrThreadReply"]) {
      stage.emulator.set({ mentionRule });
      stage.emulator.send({ sender: "cometchat-uid-1", receiver: "team-1", receiverType: "group", text: mentionRule, parentId: answer.id });
    }
    await stage.emulator.idle();
    assert.deepEqual(bot.texts(), ["textOrThreadReply"]);
  });

  const groupChat = (groupChatSetting: string) => stage.rest("PUT", "/bots/demo_bot", { groupChatSetting });
  const group = (text: string) => stage.say(text, "group");
  const botSays = (text: string) => stage.rest("POST", "/bots/demo_bot/messages", textTo("cometchat-uid-1", text));
  function custom() {
    stage.emulator.send({ sender: "cometchat-uid-1", receiver: "demo_bot", receiverType: "user", category: "custom", type: "t", data: { customData: { k: 1 } } });
  }
  async function otherBot() {
    stage.emulator.addBot({ uid: "other_bot", webhookURL: "http://127.0.0.1:1/" });
    stage.emulator.addMember("team-1", "other_bot");
    await stage.rest("POST", "/bots/other_bot/messages", textTo("team-1", "a", { receiverType: "group" }));
  }
  async function outsider() {
    await stage.rest("DELETE", "/groups/team-1/members/demo_bot");
    group("a");
  }
});

describe("delivery", () => {
  it("gives up after callbackTimeout", async () => {
    stage.emulator.set({ callbackTimeout: 0.1 });
    bot.answer = () => undefined;
    stage.say("hi");
    await stage.emulator.idle();
    const [delivery] = stage.emulator.deliveries();
    assert.equal(delivery?.outcome, "timeout");
    assert.ok(delivery.ms! >= 90 && delivery.ms! < 1000, `${delivery.ms}`);
    assert.match(delivery.problem ?? "", /answer first/);
  });

  const retries: [setting: string, statuses: number[], attempts: number[]][] = [
    ["none", [500], [1]],
    ["immediate", [500, 200], [1, 2]],
    ["immediate", [500, 500], [1, 2]],
    ["0.03,0.06", [500, 503, 200], [1, 2, 3]],
    ["0.03,0.06", [201, 200], [1, 2]],
    ["0.03,0.06", [200], [1]],
    ["0.03,0.06", [500, 500, 500], [1, 2, 3]],
  ];
  for (const [callbackRetries, statuses, attempts] of retries) {
    it(`retries ${callbackRetries} after ${statuses}`, async () => {
      stage.emulator.set({ callbackRetries });
      let asked = 0;
      bot.answer = () => statuses[asked++];
      const message = stage.say("hi");
      await stage.emulator.idle();
      const deliveries = stage.emulator.deliveries({ messageId: message.id });
      assert.deepEqual(deliveries.map(({ attempt }) => attempt), attempts);
      assert.deepEqual(deliveries.map(({ cause }) => cause), attempts.map((attempt) => (attempt === 1 ? "message" : "retry")));
      assert.equal(new Set(bot.heard.map(({ body }) => JSON.stringify(body))).size, 1, "a retry is the same body");
    });
  }

  it("retries when nothing listens, and says so", async () => {
    stage.emulator.set({ callbackRetries: "0.02" });
    await stage.rest("PUT", "/bots/demo_bot", { webhookURL: "http://127.0.0.1:1/" });
    stage.say("hi");
    await stage.emulator.idle();
    const deliveries = stage.emulator.deliveries();
    assert.deepEqual(deliveries.map(({ outcome, retryIn }) => [outcome, retryIn]), [["failed", 0.02], ["failed", undefined]]);
    assert.match(deliveries[0]!.problem!, /Nothing listens at 127\.0\.0\.1:1/);
    assert.equal(stage.emulator.state().bots[0]!.callback.state, "unreachable");
  });

  it("duplicates at the same time, or later", async () => {
    stage.emulator.set({ duplicateDelivery: "concurrent" });
    stage.say("a");
    await stage.emulator.idle();
    stage.emulator.set({ duplicateDelivery: "late", duplicateDelay: 0.2 });
    stage.say("b");
    stage.say("c");
    await stage.emulator.idle();
    assert.deepEqual(bot.texts(), ["a", "a", "b", "c", "b", "c"]);
    assert.deepEqual(stage.emulator.deliveries().map(({ cause }) => cause), ["duplicate", "message", "message", "message", "duplicate", "duplicate"]);
  });

  it("keeps the order of a conversation while the bot is slow, and lets others pass", async () => {
    stage.emulator.set({ callbackTimeout: 0.2 });
    bot.answer = ({ body }) => (body.data.data.text === "slow" ? undefined : 200);
    stage.say("slow");
    stage.say("after");
    stage.say("elsewhere", "group");
    await stage.emulator.idle();
    assert.deepEqual(bot.texts(), ["slow", "elsewhere", "after"]);
  });

  it("delivers at once if concurrent", async () => {
    stage.emulator.set({ callbackOrder: "concurrent", callbackTimeout: 0.2 });
    bot.answer = () => undefined;
    for (const text of ["a", "b", "c"]) stage.say(text);
    await eventually(() => assert.equal(bot.heard.length, 3), { within: 150 });
    await stage.emulator.idle();
  });

  it("swaps every two, and does not keep the last one", async () => {
    stage.emulator.set({ callbackOrder: "swapped" });
    for (const text of ["a", "b", "c", "d", "e"]) stage.say(text);
    await stage.emulator.idle();
    assert.deepEqual(bot.texts(), ["b", "a", "d", "c", "e"]);
  });

  it("forgets what is on its way at a reset, and uses no id twice", async () => {
    stage.emulator.set({ callbackRetries: "0.2", callbackOrder: "inOrder" });
    bot.answer = () => 500;
    const before = stage.say("a");
    await eventually(() => assert.equal(bot.heard.length, 1));
    stage.emulator.reset();
    bot.forget();
    const message = stage.say("b");
    assert.ok(Number(message.id) > Number(before.id));
    await stage.emulator.idle();
    await new Promise((resolve) => setTimeout(resolve, 300));
    assert.deepEqual(bot.texts(), ["b"]);
  });
});

describe("the log", () => {
  it("ties REST calls to the message that they answer", async () => {
    const [one, two] = [stage.say("one"), stage.say("two")];
    await stage.emulator.idle();
    const send = (more: object, data: object = {}) =>
      stage.rest("POST", "/bots/demo_bot/messages", textTo("cometchat-uid-1", "x", { ...more, data: { text: "x", ...data } }));
    await send({}, { metadata: { halley: `demo_bot-${one.id}-reply-1` } });
    await send({ muid: `anything:${one.id}:1` });
    await send({});
    await stage.rest("GET", "/users/cometchat-uid-1/messages", undefined, { onBehalfOf: "demo_bot" });
    assert.deepEqual(stage.emulator.restCalls().map(({ answers }) => answers), [
      { messageId: one.id, by: "metadata" },
      { messageId: one.id, by: "muid" },
      { messageId: two.id, by: "time" },
      { messageId: two.id, by: "time" },
    ]);
    assert.deepEqual(stage.emulator.restCalls({ messageId: one.id }).length, 2);
    assert.deepEqual(stage.emulator.deliveries({ messageId: one.id }).map(({ outcome, response }) => [outcome, response?.status]), [["answered", 200]]);
  });

  it("shows no credentials", async () => {
    stage.say("hi");
    await stage.emulator.idle();
    await stage.rest("GET", "/bots");
    await stage.rest("PUT", "/bots/demo_bot", { password: "another-password" });
    const log = JSON.stringify([stage.emulator.deliveries(), stage.emulator.restCalls(), stage.emulator.state().bots]);
    for (const secret of ["local-callback-password", "another-password", btoa("cometchat:local-callback-password"), "halley-local-api-key"]) {
      assert.ok(!log.includes(secret), secret);
    }
  });
});

/** Names of all properties, in order, with their paths. */
function keysOf(value: unknown, path = ""): string[] {
  if (typeof value !== "object" || value === null) return [];
  return Object.entries(value).flatMap(([key, child]) => [`${path}${key}`, ...keysOf(child, `${path}${key}.`)]);
}
