/** The callback section of the contract, line by line: which requests are refused, how, and in which order. */

import assert from "node:assert/strict";
import { request as httpRequest } from "node:http";
import { after, before, describe, test } from "node:test";

import { eventually } from "./eventually.ts";
import type { Posting, World } from "./harness.ts";
import { basic, credentials, startWorld } from "./harness.ts";
import type { Sent } from "./http.ts";
import { afterMessage, message, messageSent } from "./payloads.ts";

const LIMIT = 256 * 1024;

/** What Halley sends has its id in the metadata. */
const ofAnotherHalley = { sender: "faq_bot", to: { group: "team-1" }, data: { metadata: { halley: "faq_bot-7-answer-0" } } };

let world: World;

before(async () => {
  world = await startWorld({ settings: { CALLBACK_PASSWORD_PREVIOUS: "former-password", OTHER_BOTS: "Weather_Bot, news_bot" } });
});
after(() => world.close());

describe("what is refused", () => {
  const tooLarge = JSON.stringify(afterMessage({ text: "x".repeat(LIMIT) }));
  const wrongApp = afterMessage({}, { appId: "another-app" });

  // Each request is wrong in the way that its line says and, where that can be, in every way that is checked later: so
  // the table is also the order of the checks.
  const refusals: [what: string, path: string, sent: Sent, status: number, code: string, headers?: Record<string, string>][] = [
    ["the root", "/", {}, 404, "ERR_API_NOT_FOUND"],
    ["an unknown path", "/hook/demo_bot", { method: "PUT", body: "{" }, 404, "ERR_API_NOT_FOUND"],
    ["no bot in the path", "/callback", { method: "POST" }, 404, "ERR_API_NOT_FOUND"],
    ["an empty bot in the path", "/callback/", { method: "POST" }, 404, "ERR_API_NOT_FOUND"],
    ["more path after the bot", "/callback/demo_bot/more", { method: "POST" }, 404, "ERR_API_NOT_FOUND"],
    ["GET", "/callback/no_bot", {}, 405, "ERR_METHOD_NOT_ALLOWED", { Allow: "POST" }],
    ["PUT", "/callback/no_bot", { method: "PUT", body: tooLarge }, 405, "ERR_METHOD_NOT_ALLOWED", { Allow: "POST" }],
    ["DELETE", "/callback/demo_bot", { method: "DELETE" }, 405, "ERR_METHOD_NOT_ALLOWED", { Allow: "POST" }],
    ["no credentials", "/callback/no_bot", { method: "POST", body: tooLarge }, 401, "ERR_UNAUTHORIZED", { "WWW-Authenticate": 'Basic realm="halley"' }],
    ["another scheme", "/callback/demo_bot", as("Bearer local-callback-password", "{"), 401, "ERR_UNAUTHORIZED", { "WWW-Authenticate": 'Basic realm="halley"' }],
    ["a wrong password", "/callback/no_bot", as(basic({ ...credentials, password: "guess" }), tooLarge), 401, "ERR_UNAUTHORIZED", { "WWW-Authenticate": 'Basic realm="halley"' }],
    ["a wrong user name", "/callback/demo_bot", as(basic({ ...credentials, username: "CometChat" }), "{"), 401, "ERR_UNAUTHORIZED", { "WWW-Authenticate": 'Basic realm="halley"' }],
    ["an empty password", "/callback/demo_bot", as(basic({ ...credentials, password: "" }), "{"), 401, "ERR_UNAUTHORIZED", { "WWW-Authenticate": 'Basic realm="halley"' }],
    ["an unknown bot", "/callback/no_bot", as(basic(), tooLarge), 404, "ERR_BOT_NOT_FOUND"],
    ["a bot of another system", "/callback/weather_bot", as(basic(), tooLarge), 404, "ERR_BOT_NOT_FOUND"],
    ["more than 256 KiB", "/callback/demo_bot", as(basic(), tooLarge), 413, "ERR_TOO_LARGE"],
    ["one byte more than 256 KiB", "/callback/demo_bot", as(basic(), "{".padEnd(LIMIT + 1)), 413, "ERR_TOO_LARGE"],
    ["256 KiB that are not JSON", "/callback/demo_bot", as(basic(), "{".padEnd(LIMIT)), 400, "ERR_BAD_REQUEST"],
    ["nothing", "/callback/demo_bot", as(basic(), ""), 400, "ERR_BAD_REQUEST"],
    ["half a callback", "/callback/demo_bot", as(basic(), JSON.stringify(wrongApp).slice(0, -1)), 400, "ERR_BAD_REQUEST"],
    ["a malformed callback of another app", "/callback/demo_bot", as(basic(), JSON.stringify({ ...wrongApp, data: {} })), 400, "ERR_BAD_REQUEST"],
    ["another app", "/callback/demo_bot", as(basic(), JSON.stringify(wrongApp)), 403, "ERR_WRONG_APP"],
  ];

  for (const [what, path, sent, status, code, headers = {}] of refusals) {
    test(`${what}: ${status}`, async () => {
      const answer = await world.request(path, sent);
      assert.equal(answer.status, status);
      assert.equal(answer.body.error.code, code);
      assert.deepEqual(Object.keys(answer.body), ["error"]);
      assert.equal(typeof answer.body.error.message, "string");
      assert.equal(answer.headers.get("Content-Type"), "application/json");
      for (const name of ["Allow", "WWW-Authenticate"]) assert.equal(answer.headers.get(name), headers[name] ?? null, name);
    });
  }

  const good = afterMessage();
  const bad: [what: string, body: unknown, field?: string][] = [
    ["an array", []],
    ["a string", '"after_message"'],
    ["null", "null"],
    ["no trigger", { ...good, trigger: undefined }, "trigger"],
    ["a trigger that is a number", { ...good, trigger: 7 }, "trigger"],
    ["no app", { ...good, appId: undefined }, "appId"],
    ["an empty app", { ...good, appId: "" }, "appId"],
    ["no data", { ...good, data: undefined }, "data"],
    ["data that is a string", { ...good, data: "hi" }],
    ["no id", withFields({ id: undefined }), "id"],
    ["an id that is null", withFields({ id: null }), "id"],
    ["an id of another type", withFields({ id: [712] }), "id"],
    ["an empty id", withFields({ id: "" }), "id"],
    ["an id with a colon", withFields({ id: "7:12" }), "id"],
    ["an id of 65 characters", withFields({ id: "7".repeat(65) }), "id"],
    ["a negative id", withFields({ id: -7 }), "id"],
    ["a broken id", withFields({ id: 7.5 }), "id"],
    ["no sender", withFields({ sender: undefined }), "sender"],
    ["a sender of 256 bytes", withFields({ sender: "é".repeat(128) }), "sender"],
    ["no receiver", withFields({ receiver: undefined }), "receiver"],
    ["an empty receiver", withFields({ receiver: "" }), "receiver"],
    ["a receiver of 256 bytes", withFields({ receiver: "r".repeat(256) }), "receiver"],
    ["a sender that is a dot", withFields({ sender: "." }), "sender"],
    ["a receiver that is two dots", withFields({ receiver: ".." }), "receiver"],
    ["a group that is two dots", withFields({ receiver: "..", receiverType: "group" }), "receiver"],
    ["no receiver type", withFields({ receiverType: undefined }), "receiverType"],
    ["an unknown receiver type", withFields({ receiverType: "channel" }), "receiverType"],
    ["a newer envelope without a message's fields", messageSent({}, { data: { message: {} } }), "receiverType"],
    ["bytes that are no UTF-8", new Uint8Array([0x7b, 0x22, 0xff, 0xfe, 0x22, 0x7d])],
  ];

  for (const [what, body, field] of bad) {
    test(`${what}: 400`, async () => {
      const answer = await world.post(body);
      assert.equal(answer.status, 400);
      assert.equal(answer.body.error.code, "ERR_BAD_REQUEST");
      assert.deepEqual(Object.keys(answer.body.error.details ?? {}), field ? [field] : []);
    });
  }

  test("more than 256 KiB without a declared length: 413", async () => {
    const body = Array<Uint8Array>(5).fill(new TextEncoder().encode(" ".repeat(64 * 1024)));
    const answer = await world.request("/callback/demo_bot", as(basic(), body));
    assert.equal(answer.status, 413);
    assert.equal(answer.body.error.code, "ERR_TOO_LARGE");
  });

  for (const [status, path, authorization] of [
    [401, "/callback/demo_bot", "Basic Z3Vlc3M6Z3Vlc3M="],
    [404, "/callback/no_bot", basic()],
    [413, "/callback/demo_bot", basic()],
  ] as const) {
    test(`${status} comes before a byte of the body is sent`, async () => {
      assert.equal(await statusOfHeadersAlone(path, authorization), status);
    });
  }

  test("leaves one line in the log, without a word of the callback, where somebody has called at a bot's door", async () => {
    const said = afterMessage({ text: "xyzzy", fields: { receiverType: "xyzzy" } }, { xyzzy: "xyzzy" });
    const body = JSON.stringify(said);
    const long = `no_${"b".repeat(90)}`;
    const sent: [path: string, sent: Sent, line?: object][] = [
      ["/callback/first_of_these", as(basic(), body), { bot: "first_of_these", status: 404, code: "ERR_BOT_NOT_FOUND", details: null }],
      ["/xyzzy", as(basic(), body)],
      ["/callback/demo_bot", { method: "PUT", body }],
      ["/callback/Demo_Bot", as("Basic eHl6enk6eHl6enk=", body), { bot: "Demo_Bot", status: 401, code: "ERR_UNAUTHORIZED", details: null }],
      [`/callback/${long}`, as(basic(), body), { bot: long.slice(0, 64), status: 404, code: "ERR_BOT_NOT_FOUND", details: null }],
      ["/callback/demo_bot", as(basic(), "xyzzy".padEnd(LIMIT + 1)), { bot: "demo_bot", status: 413, code: "ERR_TOO_LARGE", details: null }],
      ["/callback/demo_bot", as(basic(), '"xyzzy"'), { bot: "demo_bot", status: 400, code: "ERR_BAD_REQUEST", details: null }],
      ["/callback/demo_bot", as(basic(), body), { bot: "demo_bot", status: 400, code: "ERR_BAD_REQUEST", details: { receiverType: ["The receiverType field must be user or group."] } }],
      ["/callback/demo_bot", as(basic(), JSON.stringify(afterMessage({}, { appId: "xyzzy" }))), { bot: "demo_bot", status: 403, code: "ERR_WRONG_APP", details: null }],
    ];
    const answers = [];
    for (const [path, request] of sent) answers.push(JSON.stringify((await world.request(path, request)).body));
    await eventually(() => {
      const lines = world.log.split("\n").filter((line) => line.includes('"event":"refused"')).map((line) => JSON.parse(line));
      assert.deepEqual(
        lines.slice(lines.findIndex(({ bot }) => bot === "first_of_these")),
        sent.flatMap(([, , line]) => (line ? [{ event: "refused", ...line }] : [])),
      );
    });
    assert.ok(!(world.log + answers.join()).includes("xyzzy"));
  });

  test("leaves no trace: no state, no reply, no dead letter", async () => {
    assert.deepEqual(world.emulator.restCalls(), []);
    assert.deepEqual((await (await world.kv()).list()).keys, []);
    assert.deepEqual(world.ends(), []);
    assert.equal(world.worker.inFlight(), 0);
  });
});

describe("what is taken", () => {
  const taken: [what: string, body: ReturnType<typeof afterMessage> | ReturnType<typeof messageSent>, posting?: Posting][] = [
    ["an ordinary callback", afterMessage()],
    ["the content type with a capital letter", afterMessage(), { contentType: "Application/json" }],
    ["no content type to speak of", afterMessage(), { contentType: "text/plain" }],
    ["the former password while a rotation is under way", afterMessage(), { credentials: { ...credentials, password: "former-password" } }],
    ["a bot in capital letters", afterMessage(), { bot: "DEMO_Bot" }],
    ["an integer id", afterMessage({ id: 987_654 })],
    ["an id of 64 characters", afterMessage({ id: `a-B_${"7".repeat(60)}` })],
    ["a payload that names another bot, which is logged", afterMessage({}, { bot: "other_bot" })],
    ["a payload that names another region, which is logged", afterMessage({}, { region: "us" })],
    ["a payload without region, origin and bot", afterMessage({}, { region: undefined, origin: undefined, bot: undefined })],
    ["a receiver that is not the bot, as in the documented sample", afterMessage({ to: { user: "cometchat-uid-2" } })],
    ["the newer envelope, with a bot", messageSent({ to: { user: "cometchat-uid-2" } }, { bot: "demo_bot" })],
    ["an app-wide webhook, to the bot", messageSent()],
    ["an app-wide webhook, to the bot in capital letters", messageSent({ to: { user: "Demo_Bot" } })],
    ["an app-wide webhook, from a group, with a mention", messageSent({ to: { group: "team-1" }, mentions: ["demo_bot"] })],
    ["an app-wide webhook, from a group, with a slash", messageSent({ to: { group: "team-1" }, text: "/help" })],
    ["a mention event", messageSent({ to: { group: "team-1" }, mentions: ["demo_bot"] }, { trigger: "user_mentioned" })],
    ["another bot that mentions the bot", afterMessage({ sender: "news_bot", to: { group: "team-1" }, mentions: ["demo_bot"] })],
    ["a bot of another deployment that mentions the bot", afterMessage({ ...ofAnotherHalley, mentions: ["demo_bot"] })],
    ["a message with a field called message", afterMessage({ fields: { message: "hi" } })],
    ["a message that was never deleted", afterMessage({ fields: { deletedAt: 0 } })],
    ["a custom message", afterMessage({ category: "custom", type: "location", data: { customData: { lat: 1.2 } } })],
    ["an interactive message", afterMessage({ category: "interactive", type: "form", data: { interactiveData: {} } })],
    ["a category yet to come", afterMessage({ category: "hologram", type: "live" })],
    ["a message without category, type and data", afterMessage({ fields: { category: undefined, type: undefined, data: undefined } })],
    ["keys that nobody knows", afterMessage({ fields: { hologram: { depth: 3 } } }, { apiVersion: "9" })],
  ];

  for (const [what, body, posting] of taken) {
    test(what, async () => {
      const answer = await world.post(body, posting);
      assert.equal(answer.status, 200);
      assert.deepEqual(answer.body, { status: "accepted" });
      assert.equal(answer.headers.get("Content-Type"), "application/json");
    });
  }

  test("256 KiB and not a byte more", async () => {
    const body = JSON.stringify(afterMessage({ sender: "cometchat-uid-4" }));
    const answer = await world.post(body.padEnd(LIMIT));
    assert.deepEqual([answer.status, answer.body], [200, { status: "accepted" }]);
  });

  test("a body without a declared length", async () => {
    const bytes = new TextEncoder().encode(JSON.stringify(afterMessage()));
    const answer = await world.request("/callback/demo_bot", as(basic(), [bytes.slice(0, 100), bytes.slice(100)]));
    assert.deepEqual([answer.status, answer.body], [200, { status: "accepted" }]);
  });

  for (const [what, event] of [
    ["another bot", "payloadBot\":\"other_bot"],
    ["another region", "payloadRegion\":\"us"],
  ] as const) {
    test(`${what} in the payload is in the log`, () =>
      eventually(() => assert.ok(world.log.includes(`"event":"mismatch"`) && world.log.includes(event), world.log)));
  }
});

describe("what is ignored", () => {
  const ignored: [what: string, body: { data: object }, reason: string][] = [
    ["the bot's own message", afterMessage({ sender: "demo_bot", to: { user: "cometchat-uid-3" } }), "own_message"],
    ["the bot's own message, in capital letters", afterMessage({ sender: "Demo_Bot", to: { group: "team-1" } }), "own_message"],
    ["a message of the system", afterMessage({ sender: "app_system" }), "system"],
    ["another bot of this worker", afterMessage({ sender: "rehearsal_bot" }), "other_bot"],
    ["another bot of another system", afterMessage({ sender: "weather_bot", to: { group: "team-1" } }), "other_bot"],
    ["another bot that mentions a third", afterMessage({ sender: "news_bot", to: { group: "team-1" }, mentions: ["weather_bot"] }), "other_bot"],
    ["a bot of another deployment", afterMessage(ofAnotherHalley), "other_bot"],
    ["the bot's own message, by its metadata too", afterMessage({ ...ofAnotherHalley, sender: "demo_bot" }), "own_message"],
    ["an action", afterMessage({ category: "action", type: "groupMember", to: { group: "team-1" } }), "action"],
    ["a call", afterMessage({ category: "call", type: "audio" }), "call"],
    ["what has been deleted", afterMessage({ fields: { deletedAt: 1_680_125_140, deletedBy: "cometchat-uid-1" } }), "deleted"],
    ["what has been deleted, in the newer envelope", messageSent({ fields: { deletedAt: 1_680_125_140 } }), "deleted"],
    ["two people, seen by an app-wide webhook", messageSent({ to: { user: "cometchat-uid-2" } }), "not_addressed"],
    ["a group that does not mean the bot, seen by an app-wide webhook", messageSent({ to: { group: "team-1" } }), "not_addressed"],
    ["a group that means another bot, seen by an app-wide webhook", messageSent({ to: { group: "team-1" }, mentions: ["news_bot"] }), "not_addressed"],
  ];

  for (const [what, body, reason] of ignored) {
    test(`${what}: ${reason}`, async () => {
      const answer = await world.post(body);
      assert.equal(answer.status, 200);
      assert.deepEqual(answer.body, { status: "ignored", reason });
      const { id } = "message" in body.data ? (body.data.message as { id: string }) : (body.data as { id: string });
      const end = await world.ended(id);
      assert.deepEqual([end.outcome, end.reason, end.replies], ["ignored", reason, 0]);
      const again = await world.post(body);
      assert.deepEqual([again.status, again.body], [200, { status: "duplicate" }]);
    });
  }

  for (const trigger of ["message_edited", "message_read_receipt", "before_message", "hologram_sent"]) {
    test(`the trigger ${trigger}: unknown_trigger`, async () => {
      for (const attempt of ["the first time", "again: it is not a message, so not a duplicate"]) {
        const answer = await world.post(messageSent({}, { trigger, data: {} }));
        assert.equal(answer.status, 200, attempt);
        assert.deepEqual(answer.body, { status: "ignored", reason: "unknown_trigger" }, attempt);
      }
      await eventually(() => assert.ok(world.log.includes(`"trigger":"${trigger}"`), world.log));
    });
  }
});

test("half a character costs no more than itself", async () => {
  const id = await world.rehearse("cut \ud83d", "cometchat-uid-5");
  const end = await world.ended(id);
  assert.deepEqual([end.outcome, end.replies], ["answered", 1]);
  const texts = world.calls(id).sends.map(({ request }) => (request.body as { data: { text: string } }).data.text);
  assert.deepEqual(texts, ["1: cut \ufffd"]);
});

test("a duplicate is known whichever way it comes", async () => {
  const said = message({ to: { group: "team-1" }, mentions: ["demo_bot"] });
  const bodies = [
    afterMessage({}, { data: said }),
    afterMessage({}, { data: said }),
    messageSent({}, { data: { message: said } }),
    messageSent({}, { data: { message: said }, trigger: "user_mentioned" }),
    afterMessage({}, { data: { ...said, id: Number(said.id) } }),
  ];
  const answers = [];
  for (const body of bodies) answers.push((await world.post(body)).body);
  assert.deepEqual(answers, [{ status: "accepted" }, ...Array(4).fill({ status: "duplicate" })]);
  const end = await world.ended(said.id);
  assert.deepEqual([end.outcome, end.replies], ["answered", 1]);
});

/** A POST that presents this `Authorization`. */
function as(authorization: string, body: NonNullable<Sent["body"]>): Sent {
  return { method: "POST", headers: { Authorization: authorization, "Content-Type": "application/json" }, body };
}

function withFields(fields: object) {
  return afterMessage({ fields });
}

/** What is answered to a request that declares a body of 10 MB and never sends any of it. */
function statusOfHeadersAlone(path: string, authorization: string): Promise<number | undefined> {
  return new Promise((resolve, reject) => {
    const request = httpRequest(world.worker.url + path, {
      method: "POST",
      headers: { Authorization: authorization, "Content-Type": "application/json", "Content-Length": 10_000_000 },
      timeout: 5_000,
    });
    request.once("response", (response) => {
      resolve(response.statusCode);
      request.destroy();
    });
    request.once("timeout", () => reject(new Error("No answer: the worker waits for the body.")));
    request.on("error", reject);
    request.flushHeaders();
  });
}
