/** Deploys: one that lacks a bot, one that meets the one before, and two deployments that meet each other. */

import assert from "node:assert/strict";
import { describe, test } from "node:test";

import { eventually } from "./eventually.ts";
import { credentials, startWorld } from "./harness.ts";
import { afterMessage } from "./payloads.ts";
import { Worker } from "./worker.ts";

const bot = "rehearsal_bot";
const person = "cometchat-uid-1";
const talk = `${bot}:user:${person}`;

describe("deploys", { concurrency: true }, () => {
  test("what waits for a bot that a deploy lacks goes on waiting, loudly, and is answered after one that has it", async () => {
    const world = await startWorld({ canRestart: true });
    try {
      const ids = [await world.rehearse("hang", person), await world.rehearse("hello", person)];
      await world.kill();
      await world.restart({ BOTS: { demo_bot: "assistant" } });

      await eventually(async () => assert.equal((await world.view(talk)).waitsFor, "no_bot"));
      await eventually(() => assert.deepEqual(world.lines("trouble").map(({ conversation, detail }) => [conversation, detail]), [[talk, "no_bot"]]));
      const kv = await world.kv();
      await eventually(async () => assert.ok(await kv.get("trouble:no_bot"), "It is not noted."));
      const health = await world.request("/health");
      assert.deepEqual([health.status, health.body], [503, { status: "trouble", bots: ["demo_bot"], trouble: ["no_bot"] }]);
      const refused = await world.post(afterMessage({ to: { user: bot } }, { bot }), { bot });
      assert.deepEqual([refused.status, refused.body.error.code], [404, "ERR_BOT_NOT_FOUND"]);

      // More often than a turn is attempted, and none of it is an attempt.
      await eventually(() => assert.ok(world.lines("turn_delayed").length >= 4), { within: 20_000 });
      const { inFlight, inbox, counts } = await world.view(talk);
      assert.deepEqual([inFlight, inbox, counts], [2, 2, { received: 2, answered: 0, ignored: 0, handedOver: 0, dead: 0 }]);
      const waiting = JSON.parse(Object.entries(world.rows(talk)).find(([key]) => key.startsWith("2/inbox/"))?.[1] ?? "null");
      assert.equal(waiting.attempts, 1);

      await world.kill();
      await world.restart({ BOTS: { demo_bot: "assistant", [bot]: "assistant" } });
      for (const id of ids) assert.equal((await world.ended(id, { within: 30_000 })).outcome, "answered");
      assert.deepEqual(world.said({ user: person }, bot), [
        "Hello Andrew Joseph! I am a bot that runs on Halley. Say /help to see what I can do.",
        "You said: hello\nThat was message 2 here, and I keep no notes.",
      ]);
    } finally {
      await world.close();
    }
  });

  test("a worker and an object of two versions refuse each other, say so, and lose nothing", async () => {
    // Of the first message that says so the object hears in the words of another version.
    const wrapper = `
      import built, { Conversation as Built } from "./index.js";

      const garbled = new Set();
      const garble = {
        "of before": (url, body) => [url.replace("//conversation/2/", "//conversation/"), body],
        "yet to come": (url, body) => [url.replace("//conversation/2/", "//conversation/3/"), body],
        "with a rule": (url, body) => [url + "/hologram", body],
        "with a body": (url, body) => [url, "[" + body],
      };

      export class Conversation extends Built {
        async fetch(request) {
          if (request.method !== "POST") return super.fetch(request);
          let [url, body] = [request.url, await request.text()];
          const how = Object.keys(garble).find((how) => body.includes(how));
          if (how && !garbled.has(how)) {
            garbled.add(how);
            [url, body] = garble[how](url, body);
          }
          return super.fetch(new Request(url, { method: "POST", body }));
        }
      }

      export default built;
    `;
    const world = await startWorld({ wrapper });
    try {
      const details: unknown[] = [];
      for (const [text, detail] of [
        ["of before", "receive"],
        ["yet to come", "3/receive"],
        ["with a rule", "2/receive/hologram"],
        ["with a body", "the message"],
      ] as const) {
        details.push(detail);
        const body = afterMessage({ sender: person, to: { user: bot }, text }, { bot });
        const refused = await world.post(body, { bot });
        assert.deepEqual([text, refused.status, refused.body.error.code], [text, 503, "ERR_UNAVAILABLE"]);
        assert.equal(refused.headers.get("Retry-After"), "10");
        await eventually(() => {
          assert.deepEqual(world.lines("hop_not_understood").map(({ detail }) => detail), details);
        });
        // Whoever comes again is understood.
        assert.deepEqual((await world.post(body, { bot })).body, { status: "accepted" });
        assert.equal((await world.ended(body.data.id)).outcome, "answered");
      }
      assert.deepEqual(world.said({ user: person }, bot), ["1: of before", "2: yet to come", "3: with a rule", "4: with a body"]);
    } finally {
      await world.close();
    }
  });

  test("the bots of two deployments in one group answer people, and not each other", async () => {
    const world = await startWorld();
    const other = await Worker.start({ apiUrl: world.emulator.apiUrl, settings: { BOTS: { faq_bot: "rehearsal" } } });
    try {
      const { emulator } = world;
      emulator.addBot({ uid: "faq_bot", webhookURL: `${other.url}/callback/faq_bot`, groupChatSetting: "allMessages", useBasicAuth: true, ...credentials, enabled: true });
      emulator.addGroup({ guid: "both", name: "Both", owner: person, members: { [person]: "admin", [bot]: "participant", faq_bot: "participant" } });
      const group = { group: "both" };
      for (const n of [1, 2]) {
        emulator.send({ sender: person, receiver: "both", receiverType: "group", text: "hello" });
        await eventually(() => {
          for (const uid of [bot, "faq_bot"]) assert.equal(world.said(group, uid).length, n);
        });
        await emulator.idle();
      }
      for (const uid of [bot, "faq_bot"]) assert.deepEqual(world.said(group, uid), ["1: hello", "2: hello"]);
      await eventually(async () => {
        const { counts, inFlight } = await world.view(`${bot}:group:both`);
        assert.deepEqual([counts, inFlight], [{ received: 4, answered: 2, ignored: 2, handedOver: 0, dead: 0 }, 0]);
      });
      assert.deepEqual(world.ends().filter(({ outcome }) => outcome === "ignored").map(({ reason }) => reason), ["other_bot", "other_bot"]);
    } finally {
      await other.stop();
      await world.close();
    }
  });
});
