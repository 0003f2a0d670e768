/** Faults: each does what it says, and one seed gives one outcome. Also the switches of the REST API. */

import assert from "node:assert/strict";
import { after, before, beforeEach, describe, it } from "node:test";

import type { SettingValue } from "../../emulator/index.ts";
import { fraction } from "../../emulator/random.ts";
import { eventually } from "../eventually.ts";
import type { Rest, Scene } from "./support.ts";
import { scene, textTo } from "./support.ts";

let stage: Scene;
let rest: Rest;

before(async () => {
  stage = await scene();
  rest = stage.rest;
});
beforeEach(async () => {
  await stage.emulator.idle();
  stage.emulator.reset();
  stage.bot.forget();
});
after(() => stage.close());

const send = (text = "x", more: object = {}) => rest("POST", "/bots/demo_bot/messages", textTo("cometchat-uid-1", text, more), { unchecked: true });

/** How often a message of the bot was accepted. */
const accepted = () => stage.emulator.messages({ person: "cometchat-uid-1", receiver: "demo_bot", receiverType: "user" }).length;

/** A send with a deadline: what came of it, and how many messages there are then. */
async function attempt(timeout: number): Promise<[outcome: string | number, accepted: number]> {
  const body = JSON.stringify(textTo("cometchat-uid-1", "x"));
  const headers = { apikey: stage.emulator.apiKey, "Content-Type": "application/json" };
  try {
    const { status } = await fetch(`${stage.emulator.apiUrl}/bots/demo_bot/messages`, { method: "POST", headers, body, signal: AbortSignal.timeout(timeout) });
    return [status, accepted()];
  } catch (error) {
    return [(error as Error).name === "TimeoutError" ? "timeout" : "broken", accepted()];
  }
}

describe("REST faults", () => {
  const cases: [settings: Record<string, SettingValue>, outcome: string | number, accepted: number][] = [
    [{ rest429: 1, retryAfterSeconds: 7 }, 429, 0],
    [{ rest500: 1 }, 500, 0],
    [{ rest500: 1, serverErrorBody: "html" }, 502, 0],
    [{ restAccepted500: 1 }, 500, 1],
    [{ restSlow: 1, restSlowMs: 50 }, 200, 1],
    [{ restSlow: 1, restSlowMs: 5000 }, "timeout", 1],
    [{ restCut: 1 }, "broken", 0],
    [{ restAcceptedCut: 1 }, "broken", 1],
    [{ restAcceptedUnanswered: 1 }, "timeout", 1],
    [{ restAcceptedLate: 1, restLateMs: 50 }, "timeout", 0],
    [{ restStatus: 1, restStatusCode: "409" }, 409, 0],
    [{ restAcceptedStatus: 1, restStatusCode: "425" }, 425, 1],
    [{ restOdd200: 1 }, 200, 0],
    [{ restAcceptedOdd200: 1 }, 200, 1],
  ];
  for (const [settings, outcome, count] of cases) {
    it(JSON.stringify(settings), async () => {
      stage.emulator.set(settings);
      assert.deepEqual(await attempt(300), [outcome, count]);
      const [fault] = Object.keys(settings);
      assert.equal(stage.emulator.restCalls()[0]?.fault, fault);
    });
  }

  it("accepts late, after the client has gone", async () => {
    stage.emulator.set({ restAcceptedLate: 1, restLateMs: 50 });
    await attempt(100);
    await stage.emulator.waitForMessage(({ sender }) => sender === "demo_bot");
    await eventually(() => assert.equal(stage.emulator.restCalls()[0]?.outcome, "unanswered"));
  });

  it("forgets at a reset what it would have accepted late", async () => {
    stage.emulator.set({ restAcceptedLate: 1, restLateMs: 50 });
    await attempt(100);
    stage.emulator.reset();
    await assert.rejects(stage.emulator.waitForMessage(({ sender }) => sender === "demo_bot", { timeout: 700 }));
  });

  it("tells when to come again after a drawn 429", async () => {
    stage.emulator.set({ rest429: 1, retryAfterSeconds: 7 });
    const { headers, code } = await send();
    assert.deepEqual([code, headers.get("retry-after"), headers.get("x-rate-limit-remaining")], ["ERR_TOO_MANY_REQUESTS", "7", "0"]);
    const reset = Number(headers.get("x-rate-limit-reset")) - Date.now() / 1000;
    assert.ok(reset > 5 && reset < 8.5, `${reset}`);
  });

  const forms: [rateLimitHeaders: string, seconds: number, retryAfter: string | null, reset: "absolute" | string | null][] = [
    ["both", 0, "0", "absolute"],
    ["reset", 7, null, "absolute"],
    ["relativeReset", 7, null, "7"],
    ["none", 7, null, null],
  ];
  for (const [rateLimitHeaders, retryAfterSeconds, retryAfter, reset] of forms) {
    it(`has these headers on a 429: ${rateLimitHeaders}, after ${retryAfterSeconds} s`, async () => {
      stage.emulator.set({ rest429: 1, retryAfterSeconds, rateLimitHeaders });
      const { headers } = await send();
      const told = headers.get("x-rate-limit-reset");
      const isAbsolute = Math.abs(Number(told) - retryAfterSeconds - Date.now() / 1000) < 2;
      assert.deepEqual([headers.get("retry-after"), isAbsolute ? "absolute" : told], [retryAfter, reset]);
    });
  }

  it("answers 500 with the code that was chosen", async () => {
    stage.emulator.set({ rest500: 1 });
    assert.equal((await send()).code, "ERR_MISSION_FAILED");
    stage.emulator.set({ serverErrorBody: "ERR_EXCEPTION" });
    assert.equal((await send()).code, "ERR_EXCEPTION");
    stage.emulator.set({ serverErrorBody: "empty" });
    assert.deepEqual([(await send()).status, (await send()).body], [500, ""]);
  });

  const bodies: [settings: Record<string, SettingValue>, status: number, contentType: string, body: RegExp][] = [
    [{ restStatus: 1, restStatusCode: "401" }, 401, "application/json", /^{"error":{.*"code":"AUTH_ERR_APIKEY_NOT_FOUND"}}$/],
    [{ restStatus: 1, restStatusCode: "403", unknownStatus: "400" }, 403, "application/json", /^{"error":{.*"code":"AUTH_ERR_NO_ACCESS"}}$/],
    [{ restStatus: 1, restStatusCode: "408" }, 408, "text/html", /<h1>408 Request Timeout<\/h1>/],
    [{ restAcceptedStatus: 1, restStatusCode: "409" }, 409, "text/html", /<h1>409 Conflict<\/h1>/],
    [{ restOdd200: 1 }, 200, "text/html", /<h1>200 OK<\/h1>/],
    [{ restOdd200: 1, odd200Body: "empty" }, 200, "application/json", /^$/],
    [{ restAcceptedOdd200: 1, odd200Body: "error" }, 200, "application/json", /^{"error":{.*"code":"ERR_MISSION_FAILED"}}$/],
    [{ restAcceptedOdd200: 1, odd200Body: "noId" }, 200, "application/json", /^{"data":{}}$/],
  ];
  for (const [settings, status, contentType, body] of bodies) {
    it(`answers ${status} as ${JSON.stringify(settings)} says`, async () => {
      stage.emulator.set(settings);
      const headers = { apikey: stage.emulator.apiKey, "Content-Type": "application/json" };
      const answer = await fetch(`${stage.emulator.apiUrl}/bots/demo_bot/messages`, { method: "POST", headers, body: JSON.stringify(textTo("cometchat-uid-1", "x")) });
      assert.deepEqual([answer.status, answer.headers.get("content-type")], [status, contentType]);
      assert.match(await answer.text(), body);
    });
  }

  for (const [restOutage, outcome] of [["500", 500], ["cut", "broken"], ["unanswered", "timeout"]] as const) {
    it(`fails every call in an outage: ${restOutage}`, async () => {
      stage.emulator.set({ restOutage });
      assert.deepEqual(await attempt(200), [outcome, 0]);
      const [{ operation, fault } = {}] = stage.emulator.restCalls();
      assert.deepEqual([operation, fault], ["sendBotMessage", "restOutage"]);
      const another = fetch(`${stage.emulator.apiUrl}/users`, { headers: { apikey: stage.emulator.apiKey, onBehalfOf: "cometchat-uid-1" }, signal: AbortSignal.timeout(200) });
      if (restOutage === "500") assert.equal((await another).status, 500);
      else await assert.rejects(another);
      stage.emulator.set({ restOutage: "none" });
      assert.deepEqual(await attempt(1000), [200, 1]);
    });
  }

  it("refuses a revoked key until it is valid again", async () => {
    stage.emulator.set({ keyRevoked: true });
    const refused = await send();
    assert.deepEqual([refused.status, refused.code], [401, "AUTH_ERR_APIKEY_NOT_FOUND"]);
    const [{ operation, fault } = {}] = stage.emulator.restCalls();
    assert.deepEqual([operation, fault], ["sendBotMessage", "keyRevoked"]);
    const token = await rest("POST", "/users/cometchat-uid-1/auth_tokens", undefined, { apiKey: "halley-local-auth-key" });
    assert.equal(token.status, 200);
    stage.emulator.set({ keyRevoked: false });
    assert.equal((await send()).status, 200);
  });

  it("strikes only the calls that it should", async () => {
    stage.emulator.set({ rest500: 1 });
    const history = () => rest("GET", "/users/cometchat-uid-1/messages", undefined, { onBehalfOf: "demo_bot" });
    const user = () => rest("GET", "/users/cometchat-uid-1");
    assert.deepEqual([(await send()).status, (await history()).status, (await user()).status], [500, 200, 200]);
    assert.equal((await rest("POST", "/messages", textTo("demo_bot", "x"), { onBehalfOf: "cometchat-uid-1" })).status, 200);
    stage.emulator.set({ restFaultsOn: "histories,others" });
    assert.deepEqual([(await send()).status, (await history()).status, (await user()).status], [200, 500, 500]);
  });

  it("refuses probabilities that add up to more than 1", () => {
    stage.emulator.set({ rest500: 0.5 });
    assert.throws(() => stage.emulator.set({ restCut: 0.6 }), /add up to 1\.100/);
    stage.emulator.set({ restCut: 0.5 });
  });
});

describe("one seed, one outcome", () => {
  const settings = { rest500: 0.3, restAccepted500: 0.2, rest429: 0.2, retryAfterSeconds: 0 };

  /** Statuses of three attempts of twenty sends, made in an order that is different each time. */
  async function run(seed: number, shuffle: (index: number) => number): Promise<Record<string, number[]>> {
    stage.emulator.reset();
    stage.emulator.change({ seed, values: settings });
    const asked = new Map(Array.from({ length: 20 }, (_, index) => [index, stage.say(`question ${index}`)]));
    const order = [...asked.keys()].sort((one, other) => shuffle(one) - shuffle(other));
    const statuses: Record<string, number[]> = {};
    await Promise.all(
      order.map(async (index) => {
        statuses[index] = [];
        for (let attempts = 0; attempts < 3; attempts += 1) {
          statuses[index].push((await send("x", { muid: `demo_bot-${asked.get(index)!.id}-reply-1` })).status);
        }
      }),
    );
    return statuses;
  }

  it("repeats a run, however its calls interleave", async () => {
    const first = await run(7, (index) => index);
    const second = await run(7, (index) => -index);
    assert.deepEqual(second, first);
    assert.notDeepEqual(await run(8, (index) => index), first);
    const counts = new Map<number, number>();
    for (const status of Object.values(first).flat()) counts.set(status, (counts.get(status) ?? 0) + 1);
    assert.deepEqual([...counts.keys()].sort(), [200, 429, 500]);
  });

  it("repeats what happens to callbacks", async () => {
    const outcomes: string[][] = [];
    for (let round = 0; round < 2; round += 1) {
      stage.emulator.reset();
      stage.bot.forget();
      stage.emulator.set({ callbackDrop: 0.3, callbackDuplicate: 0.3, callbackDelay: 0.3, callbackDelayMs: 20 });
      for (let index = 0; index < 30; index += 1) stage.say(`${index}`);
      await stage.emulator.idle();
      outcomes.push([...stage.bot.texts()].sort());
    }
    assert.deepEqual(outcomes[0], outcomes[1]);
    const times = new Map<string, number>();
    for (const text of outcomes[0]!) times.set(text, (times.get(text) ?? 0) + 1);
    assert.ok(times.size < 30, "some are dropped");
    assert.ok([...times.values()].includes(2), "some are doubled");
  });

  it("reorders now and then", async () => {
    stage.emulator.set({ callbackReorder: 0.5 });
    const texts = Array.from({ length: 12 }, (_, index) => `${index}`);
    for (const text of texts) stage.say(text);
    await stage.emulator.idle();
    assert.notDeepEqual(stage.bot.texts(), texts);
    assert.deepEqual([...stage.bot.texts()].sort(), [...texts].sort());
  });
});

describe("pages of histories", () => {
  type Shown = { id: string; sentAt: number } | null;

  /** Not through `rest`: such pages do not fit CometChat's specification. */
  async function page(query = ""): Promise<{ data: Shown[]; meta: { current: { limit: number }; next?: { id: string } } }> {
    const headers = { apikey: stage.emulator.apiKey, onBehalfOf: "demo_bot" };
    return (await fetch(`${stage.emulator.apiUrl}/users/cometchat-uid-1/messages?limit=20${query}`, { headers })).json();
  }

  const ids = (data: Shown[]) => data.map((message) => message && Number(message.id));
  let said: number[];

  beforeEach(() => {
    said = Array.from({ length: 8 }, (_, index) => Number(stage.say(`${index}`).id));
  });

  it("historyCap", async () => {
    stage.emulator.set({ historyCap: 3 });
    const { data, meta } = await page("&affix=prepend");
    assert.deepEqual([ids(data), meta.current.limit, meta.next?.id], [said.slice(5), 3, String(said[5])]);
  });

  it("historyOrder", async () => {
    stage.emulator.set({ historyOrder: "descending", historyCap: 3 });
    assert.deepEqual(ids((await page()).data), said.slice(0, 3).reverse());
    const { data, meta } = await page("&affix=prepend");
    assert.deepEqual([ids(data), meta.next?.id], [said.slice(5).reverse(), String(said[5])]);
  });

  it("historyMeta", async () => {
    stage.emulator.set({ historyMeta: "absent" });
    assert.equal((await page()).meta.next, undefined);
  });

  it("historyNulls", async () => {
    stage.emulator.set({ historyNulls: 1 });
    assert.deepEqual(ids((await page()).data), said.flatMap((id) => [null, id]));
  });

  it("historyOldSentAt", async () => {
    stage.emulator.set({ historyOldSentAt: 0.5 });
    const old = (await page()).data.filter((message) => message?.sentAt === 1).length;
    assert.ok(old > 0 && old < 8, `${old}`);
  });

  it("historyShortPages, through which one still gets to the end", async () => {
    stage.emulator.set({ historyShortPages: 1 });
    const seen: (number | null)[] = [];
    let cursor: string | undefined;
    for (let pages = 0; pages < 8 && seen.length < 8; pages += 1) {
      const { data, meta } = await page(`&affix=prepend${cursor === undefined ? "" : `&id=${cursor}`}`);
      assert.ok(data.length > 0 && (data.length < 8 - seen.length || data.length === 1), `${data.length}`);
      seen.unshift(...ids(data));
      cursor = meta.next?.id;
    }
    assert.deepEqual(seen, said);
  });

  it("are the same for the same seed, others when they are asked for again, and change nothing else that is drawn", async () => {
    const look = async (values: Record<string, SettingValue>) => {
      stage.emulator.reset();
      stage.emulator.change({ seed: 5, values: { restFaultsOn: "histories", rest500: 0.5, ...values } });
      for (let index = 0; index < 8; index += 1) stage.say(`${index}`);
      const shapes: string[] = [];
      for (let asked = 0; asked < 30; asked += 1) {
        const { data = [] } = await page();
        shapes.push(data.map((message) => (message === null ? "null" : message.sentAt === 1 ? "old" : "message")).join(" "));
      }
      const statuses = stage.emulator.restCalls().map(({ response }) => response?.status);
      return { shapes, statuses };
    };
    const values = { historyShortPages: 0.5, historyNulls: 0.3, historyOldSentAt: 0.3 };
    const first = await look(values);
    assert.deepEqual(await look(values), first);
    assert.ok(new Set(first.shapes).size > 5, first.shapes.join("; "));
    const draws = Array.from({ length: 30 }, (_, n) => fraction(5, "rest", "GET /users/cometchat-uid-1/messages?limit=20 demo_bot", n + 1));
    assert.deepEqual(first.statuses, draws.map((drawn) => (drawn < 0.5 ? 500 : 200)));
  });
});

describe("switches of the REST API", () => {
  it("sameMuid", async () => {
    const outcome = async () => {
      const { status, body } = await send("x", { muid: "m" });
      return status === 200 ? body.data.id : status;
    };
    const first = await outcome();
    assert.notEqual(await outcome(), first);
    stage.emulator.set({ sameMuid: "same" });
    const second = await outcome();
    assert.equal(await outcome(), second);
    assert.notEqual((await rest("POST", "/messages", textTo("cometchat-uid-2", "x", { muid: "m" }), { onBehalfOf: "cometchat-uid-1" })).body.data.id, second);
    stage.emulator.set({ sameMuid: "error" });
    const refused = await send("x", { muid: "m" });
    assert.deepEqual([refused.status, Object.keys(refused.body.error.details)], [400, ["muid"]]);
    assert.equal(accepted(), 2);
  });

  it("restMuid", async () => {
    assert.equal((await send("x", { muid: "m" })).body.data.muid, undefined);
    stage.emulator.set({ restMuid: "present" });
    assert.equal((await send("x", { muid: "m" })).body.data.muid, "m");
    const history = await rest("GET", "/users/cometchat-uid-1/messages", undefined, { onBehalfOf: "demo_bot" });
    assert.deepEqual(history.body.data.map(({ muid }: { muid: string }) => muid), ["m", "m"]);
  });

  it("interactiveCategory", async () => {
    const card = { category: "interactive", type: "card", data: { interactiveData: { text: "t" } } };
    assert.equal((await send("", card)).status, 200);
    stage.emulator.set({ interactiveCategory: "refused" });
    assert.equal((await send("", card)).code, "ERR_INVALID_MESSAGE_CATEGORY");
  });

  it("parentIdOnBotSend", async () => {
    const parent = stage.say("question");
    const outcome = async () => {
      const { status, body } = await send("x", { parentId: parent.id });
      return status === 200 ? body.data.parentId : status;
    };
    assert.equal(await outcome(), undefined);
    stage.emulator.set({ parentIdOnBotSend: "honoured" });
    assert.equal(await outcome(), parent.id);
    stage.emulator.set({ parentIdOnBotSend: "refused" });
    assert.equal(await outcome(), 400);
  });

  it("membershipToPost, with the status of unknownStatus", async () => {
    await rest("DELETE", "/groups/team-1/members/demo_bot");
    const post = () => rest("POST", "/bots/demo_bot/messages", textTo("team-1", "x", { receiverType: "group" }));
    const refusals: (string | number | undefined)[] = [];
    for (const unknownStatus of ["likely", "400", "403", "404"]) {
      stage.emulator.set({ unknownStatus });
      refusals.push((await post()).status);
    }
    assert.deepEqual(refusals, [403, 400, 403, 404]);
    assert.equal((await post()).code, "ERR_NOT_A_MEMBER");
    stage.emulator.set({ membershipToPost: false });
    assert.equal((await post()).status, 200);
  });

  it("oversizedData", async () => {
    stage.emulator.set({ oversizedData: "accepted" });
    assert.equal((await send("x".repeat(20_000))).status, 200);
    assert.equal((await send("x".repeat(70_000))).status, 400);
  });

  it("longIds", async () => {
    stage.emulator.set({ longIds: true });
    const sent = (await send()).body.data.id;
    assert.match(sent, /^[1-9]\d{199999}$/);
    const history = await rest("GET", "/users/cometchat-uid-1/messages", undefined, { onBehalfOf: "demo_bot" });
    assert.equal(history.body.data[0].id, sent);
    assert.ok(stage.emulator.messages({ person: "cometchat-uid-1", receiver: "demo_bot", receiverType: "user" })[0]!.id.length < 20);
  });

  it("timestampBounds", async () => {
    const { sentAt } = (await send()).body.data;
    const count = async () => {
      const query = `fromTimestamp=${sentAt}&toTimestamp=${sentAt}`;
      return (await rest("GET", `/users/cometchat-uid-1/messages?${query}`, undefined, { onBehalfOf: "demo_bot" })).body.data.length;
    };
    assert.equal(await count(), 1);
    stage.emulator.set({ timestampBounds: "exclusive" });
    assert.equal(await count(), 0);
  });
});
