/** The REST API: resources, shapes and errors. Every answer is also checked against CometChat's OpenAPI files. */

import assert from "node:assert/strict";
import { after, before, beforeEach, describe, it } from "node:test";

import { operations, problems } from "./openapi.ts";
import type { Rest, Scene } from "./support.ts";
import { scene, textTo } from "./support.ts";

let stage: Scene;
let rest: Rest;

before(async () => {
  stage = await scene();
  rest = stage.rest;
});
beforeEach(() => stage.emulator.reset());
after(() => stage.close());

describe("the key and the app", () => {
  const cases: [name: string, path: string, options: Parameters<Rest>[3], status: number, code: string | undefined][] = [
    ["the right key", "/users/cometchat-uid-1", {}, 200, undefined],
    ["no key", "/users/cometchat-uid-1", { apiKey: "" }, 401, "AUTH_ERR_EMPTY_APIKEY"],
    ["a wrong key", "/users/cometchat-uid-1", { apiKey: "nonsense" }, 401, "AUTH_ERR_APIKEY_NOT_FOUND"],
    ["a key of the scope authOnly", "/users/cometchat-uid-1", { apiKey: "halley-local-auth-key" }, 403, "AUTH_ERR_NO_ACCESS"],
    ["a wrong key before an unknown endpoint", "/nothing", { apiKey: "nonsense" }, 401, "AUTH_ERR_APIKEY_NOT_FOUND"],
    ["an unknown endpoint", "/nothing", {}, 404, "ERR_API_NOT_FOUND"],
    ["another app's id in the header", "/users/cometchat-uid-1", { headers: { appId: "other" } }, 404, "AUTH_ERR_INVALID_APPID"],
    ["this app's id in the header", "/users/cometchat-uid-1", { headers: { appId: "2248348660ad9bd4" } }, 200, undefined],
    ["an unknown user to act for", "/users/cometchat-uid-1", { onBehalfOf: "nobody" }, 404, "ERR_UID_NOT_FOUND"],
    ["a path of slashes", "//", {}, 404, "ERR_API_NOT_FOUND"],
    ["a path that looks like a host", "//users:x/", {}, 404, "ERR_API_NOT_FOUND"],
    ["a path that cannot be decoded", "/users/%zz", {}, 404, "ERR_API_NOT_FOUND"],
  ];
  for (const [name, path, options, status, code] of cases) {
    it(name, async () => {
      const answer = await rest("GET", path, undefined, options);
      assert.deepEqual([answer.status, answer.code], [status, code]);
    });
  }

  it("speaks v3 and v3.0, and nothing else", async () => {
    const base = stage.emulator.apiUrl.replace(/v3$/, "");
    const statusOf = async (version: string) =>
      (await fetch(`${base}${version}/users/cometchat-uid-1`, { headers: { apikey: stage.emulator.apiKey } })).status;
    assert.deepEqual([await statusOf("v3"), await statusOf("v3.0"), await statusOf("v2.0")], [200, 200, 404]);
  });
});

describe("the OpenAPI files", () => {
  /** Left out on purpose: a bot has no use for friends, and the others are deprecated [D] S41. */
  const NOT_MODELLED = [
    "DELETE /conversations/{conversationId}",
    "DELETE /users/{uid}/friends",
    "GET /conversations/{conversationId}",
    "GET /users/{uid}/friends",
    "POST /users/{uid}/friends",
  ];

  it("have no operation that the emulator lacks, but those left out on purpose", async () => {
    const values: Record<string, string> = { uid: "cometchat-uid-1", guid: "team-1", id: "1", reaction: "x", authToken: "t", conversationId: "c" };
    const missing: string[] = [];
    for (const operation of operations()) {
      const [method = "", template = ""] = operation.split(" ");
      const path = template.replace(/\{(\w+)\}/g, (_, name: string) => values[name] ?? "x");
      if ((await rest(method, path, undefined, { onBehalfOf: "cometchat-uid-2", unchecked: true })).code === "ERR_API_NOT_FOUND") missing.push(operation);
    }
    assert.deepEqual(missing, NOT_MODELLED);
  });

  it("are really checked against", () => {
    assert.deepEqual(problems("GET", "/users/x", undefined, { data: { uid: 5 } }), ["answer.data.uid: 5 instead of string"]);
    assert.deepEqual(problems("POST", "/bots", { uid: "b" }, {}), ["request: webhookURL is missing"]);
    assert.equal(problems("POST", "/bots/b/messages", { receiverType: "USER" }, {}).length, 1);
    assert.equal(problems("GET", "/groups/g/messages", undefined, { data: [{ id: 1 }] }).length, 1);
  });
});

describe("users", () => {
  it("creates, gets, lists, updates", async () => {
    const created = await rest("POST", "/users", { uid: "Ann-1", name: "Ann", avatar: "https://example.com/a.png", metadata: { "@private": { email: "a@b.c" }, city: "Rome" }, withAuthToken: true });
    assert.equal(created.status, 200);
    assert.equal(created.body.data.uid, "ann-1");
    assert.match(created.body.data.authToken, /^ann-1_\d{10}[0-9a-f]{40}$/);
    assert.deepEqual((await rest("GET", "/users/ANN-1")).body.data.metadata, { "@private": { email: "a@b.c" }, city: "Rome" });
    const seen = await rest("GET", "/users/ann-1", undefined, { onBehalfOf: "cometchat-uid-1" });
    assert.deepEqual(seen.body.data.metadata, { city: "Rome" });
    const updated = await rest("PUT", "/users/ann-1", { name: "Anna", unset: ["avatar"] });
    assert.deepEqual([updated.body.data.name, updated.body.data.avatar], ["Anna", undefined]);
    const list = await rest("GET", "/users?perPage=2&page=2");
    assert.deepEqual(list.body.meta.pagination, { total: 6, count: 2, per_page: 2, current_page: 2, total_pages: 3 });
  });

  const refused: [body: object, field: string, message: RegExp][] = [
    [{ name: "Ann" }, "uid", /required/],
    [{ uid: "ann" }, "name", /required/],
    [{ uid: "ann", name: "Ann", avatar: "x" }, "avatar", /must be a valid URL/],
    [{ uid: "an n", name: "Ann" }, "uid", /may only contain/],
    [{ uid: "a".repeat(101), name: "Ann" }, "uid", /100 characters/],
    [{ uid: "ann", name: "Ann", tags: ["x".repeat(101)] }, "tags.0", /100 characters/],
    [{ uid: "ann", name: 5 }, "name", /must be a string/],
  ];
  for (const [body, field, message] of refused) {
    it(`refuses ${JSON.stringify(body).slice(0, 60)}`, async () => {
      const answer = await rest("POST", "/users", body);
      assert.deepEqual([answer.status, answer.code], [400, "ERR_BAD_REQUEST"]);
      assert.match(answer.body.error.details[field][0], message);
    });
  }

  it("refuses a UID that is taken", async () => {
    assert.equal((await rest("POST", "/users", { uid: "cometchat-uid-1", name: "Again" })).status, 400);
  });

  it("deactivates, reactivates and deletes", async () => {
    const bulk = await rest("DELETE", "/users", { uidsToDeactivate: ["cometchat-uid-3", "nobody"] });
    assert.deepEqual(bulk.body.data, { deactivatedUids: ["cometchat-uid-3"], notFound: ["nobody"] });
    assert.equal((await rest("GET", "/users/cometchat-uid-3")).code, "ERR_UID_NOT_FOUND");
    assert.equal((await rest("POST", "/bots/demo_bot/messages", textTo("cometchat-uid-3", "hi"))).status, 404);
    await rest("PUT", "/users", { uidsToActivate: ["cometchat-uid-3"] });
    assert.equal((await rest("GET", "/users/cometchat-uid-3")).status, 200);
    assert.deepEqual((await rest("DELETE", "/users/cometchat-uid-3")).body.data, { deactivatedUids: ["cometchat-uid-3"] });
    assert.equal((await rest("DELETE", "/users/cometchat-uid-4", { permanent: true })).body.data.success, true);
    assert.equal((await rest("GET", "/users/cometchat-uid-4")).status, 404);
  });

  it("names the lower-cased UID in the error", async () => {
    assert.match((await rest("GET", "/users/babuInvalid")).body.error.message, /babuinvalid/);
  });

  it("has auth tokens, also for keys of the scope authOnly", async () => {
    const options = { apiKey: "halley-local-auth-key" };
    const { authToken } = (await rest("POST", "/users/cometchat-uid-1/auth_tokens", {}, options)).body.data;
    const path = `/users/cometchat-uid-1/auth_tokens`;
    assert.equal((await rest("GET", path)).body.data.length, 1);
    assert.equal((await rest("GET", `${path}/${authToken}`)).body.data.authToken, authToken);
    await rest("DELETE", `${path}/${authToken}`);
    assert.equal((await rest("GET", `${path}/${authToken}`)).code, "ERR_AUTH_TOKEN_NOT_FOUND");
    await rest("POST", path, {});
    await rest("DELETE", path);
    assert.deepEqual((await rest("GET", path)).body.data, []);
  });

  it("blocks and unblocks, with a result for every UID", async () => {
    const { data } = (await rest("POST", "/users/cometchat-uid-1/blockedusers", { blockedUids: ["demo_bot", "nobody"] })).body;
    assert.deepEqual([data["demo_bot"].success, data["nobody"].success], [true, false]);
    assert.equal((await rest("POST", "/bots/demo_bot/messages", textTo("cometchat-uid-1", "hi"))).code, "ERR_BLOCKED_SENDER");
    const blocked = await rest("POST", "/messages", textTo("demo_bot", "hi"), { onBehalfOf: "cometchat-uid-1" });
    assert.deepEqual([blocked.status, blocked.code], [403, "ERR_BLOCKED_RECEIVER"]);
    assert.equal((await rest("GET", "/users/cometchat-uid-1/blockedusers")).body.data[0].uid, "demo_bot");
    await rest("DELETE", "/users/cometchat-uid-1/blockedusers", { blockedUids: ["demo_bot"] });
    assert.equal((await rest("POST", "/bots/demo_bot/messages", textTo("cometchat-uid-1", "hi"))).status, 200);
    assert.equal((await rest("POST", "/users/nobody/blockedusers", { blockedUids: [] })).status, 404);
  });
});

describe("bots", () => {
  it("starts a bot with the documented defaults, and leaves out what is empty or false", async () => {
    const { status, body } = await rest("POST", "/bots", { uid: "cometchat-uid-2", webhookURL: "https://example.com/hook", username: "u", password: "p" });
    assert.equal(status, 200);
    assert.deepEqual(Object.keys(body.data).sort(), ["createdAt", "groupChatSetting", "uid", "webhookURL"]);
    assert.equal(body.data.groupChatSetting, "none");
  });

  it("shows the password in clear, and keeps it when Basic auth is turned off", async () => {
    const { body } = await rest("PUT", "/bots/demo_bot", { useBasicAuth: false });
    assert.deepEqual([body.data.useBasicAuth, body.data.password, body.data.enabled], [undefined, "local-callback-password", true]);
    assert.equal(typeof body.data.updatedAt, "number");
    const stored = await rest("PUT", "/bots/demo_bot", { username: "new" });
    assert.equal(stored.body.data.username, "new");
  });

  it("lists by prefix of the UID, sorted", async () => {
    for (const uid of ["cometchat-uid-4", "cometchat-uid-3"]) await rest("POST", "/bots", { uid, webhookURL: "https://example.com" });
    const uids = async (query: string) => (await rest("GET", `/bots${query}`)).body.data.map(({ uid }: { uid: string }) => uid);
    assert.deepEqual(await uids(""), ["cometchat-uid-3", "cometchat-uid-4", "demo_bot"]);
    assert.deepEqual(await uids("?searchKey=DEMO"), ["demo_bot"]);
    assert.deepEqual(await uids("?searchKey=bot"), []);
    assert.deepEqual(await uids("?isAIBot=true"), []);
  });

  const refused: [what: string, method: string, path: string, body: object | undefined, code: string][] = [
    ["a bot without a user", "POST", "/bots", { uid: "nobody", webhookURL: "https://example.com" }, "ERR_UID_NOT_FOUND"],
    ["a second bot of a user", "POST", "/bots", { uid: "demo_bot", webhookURL: "https://example.com" }, "ERR_BOT_ALREADY_EXISTS"],
    ["no URL", "POST", "/bots", { uid: "cometchat-uid-2" }, "ERR_BAD_REQUEST"],
    ["a URL that is none", "POST", "/bots", { uid: "cometchat-uid-2", webhookURL: "ftp://x" }, "ERR_BAD_REQUEST"],
    ["a UID of 51 characters", "POST", "/bots", { uid: "u".repeat(51), webhookURL: "https://example.com" }, "ERR_BAD_REQUEST"],
    ["an unknown groupChatSetting", "PUT", "/bots/demo_bot", { groupChatSetting: "some" }, "ERR_BAD_REQUEST"],
    ["a password of 51 characters", "PUT", "/bots/demo_bot", { password: "p".repeat(51) }, "ERR_BAD_REQUEST"],
    ["a user who is no bot", "GET", "/bots/cometchat-uid-1", undefined, "ERR_BOT_NOT_FOUND"],
    ["sending as a user who is no bot", "POST", "/bots/cometchat-uid-1/messages", textTo("cometchat-uid-2", "x"), "ERR_BOT_NOT_FOUND"],
  ];
  for (const [what, method, path, body, code] of refused) {
    it(`refuses ${what}`, async () => assert.equal((await rest(method, path, body)).code, code));
  }

  it("keeps the user when a bot is deleted", async () => {
    assert.equal((await rest("DELETE", "/bots/demo_bot")).status, 200);
    assert.equal((await rest("GET", "/bots/demo_bot")).status, 404);
    assert.equal((await rest("GET", "/users/demo_bot")).status, 200);
  });

  it("has at most 25", async () => {
    for (let index = 0; index < 25; index += 1) {
      await rest("POST", "/users", { uid: `bot-${index}`, name: "Bot" });
      const { code } = await rest("POST", "/bots", { uid: `bot-${index}`, webhookURL: "https://example.com" });
      assert.equal(code, index < 24 ? undefined : "ERR_PLAN_QUOTA_RESTRICTION");
    }
  });
});

describe("groups", () => {
  it("creates, gets, updates, lists and deletes", async () => {
    const created = await rest("POST", "/groups", {
      guid: "Club", name: "Club", type: "private", owner: "cometchat-uid-2", members: { participants: ["cometchat-uid-3", "nobody"] },
    });
    assert.deepEqual([created.body.data.guid, created.body.data.membersCount, created.body.data.conversationId], ["club", 2, "group_club"]);
    const seen = (await rest("GET", "/groups/club", undefined, { onBehalfOf: "cometchat-uid-3" })).body.data;
    assert.deepEqual([seen.scope, seen.hasJoined], ["participant", true]);
    assert.equal((await rest("PUT", "/groups/club", { description: "ours" })).body.data.description, "ours");
    assert.equal((await rest("PUT", "/groups/club", { name: "x" }, { onBehalfOf: "cometchat-uid-3" })).code, "ERR_GROUP_NO_SCOPE_CLEARANCE");
    assert.equal((await rest("GET", "/groups?types=private")).body.data.length, 1);
    assert.equal((await rest("GET", "/groups", undefined, { onBehalfOf: "cometchat-uid-1" })).body.data.length, 1);
    assert.equal((await rest("POST", "/groups", { guid: "club", name: "Club", type: "public" })).code, "ERR_GUID_ALREADY_EXISTS");
    assert.equal((await rest("POST", "/groups", { guid: "secret", name: "S", type: "password" })).status, 400);
    assert.equal((await rest("DELETE", "/groups/club")).body.data.success, true);
    assert.equal((await rest("GET", "/groups/club")).code, "ERR_GUID_NOT_FOUND");
  });

  it("adds members one by one, the highest scope first", async () => {
    await rest("POST", "/groups", { guid: "club", name: "Club", type: "public" });
    const { data } = (await rest("POST", "/groups/club/members", {
      participants: ["cometchat-uid-1", "cometchat-uid-2", "nobody"], admins: ["cometchat-uid-1"], usersToBan: ["cometchat-uid-4"],
    })).body;
    assert.equal(data.admins["cometchat-uid-1"].success, true);
    assert.deepEqual(Object.keys(data.participants), ["cometchat-uid-2", "nobody"]);
    assert.equal(data.participants["nobody"].error.code, "ERR_UID_NOT_FOUND");
    const action = data.participants["cometchat-uid-2"].data;
    assert.deepEqual([action.category, action.type, action.sender, action.data.action], ["action", "groupMember", "app_system", "added"]);
    const members = (await rest("GET", "/groups/club/members?scopes=admin")).body.data;
    assert.deepEqual(members.map(({ uid, scope }: { uid: string; scope: string }) => [uid, scope]), [["cometchat-uid-1", "admin"]]);
    assert.equal((await rest("GET", "/groups/club/bannedusers")).body.data[0].uid, "cometchat-uid-4");
    const many = Array.from({ length: 26 }, (_, index) => `u${index}`);
    assert.equal((await rest("POST", "/groups/club/members", { participants: many })).status, 400);
  });

  it("kicks, scopes, bans and unbans", async () => {
    const member = "/groups/team-1/members/cometchat-uid-2";
    assert.equal((await rest("PUT", member, { scope: "moderator" })).body.data.scope, "moderator");
    assert.equal((await rest("DELETE", "/groups/team-1/members/cometchat-uid-3", undefined, { onBehalfOf: "cometchat-uid-2" })).status, 200);
    assert.equal((await rest("DELETE", "/groups/team-1/members/cometchat-uid-3")).status, 404);
    assert.equal((await rest("DELETE", "/groups/team-1/members/cometchat-uid-1", undefined, { onBehalfOf: "cometchat-uid-2" })).code, "ERR_GROUP_NO_SCOPE_CLEARANCE");
    assert.equal((await rest("POST", "/groups/team-1/bannedusers/cometchat-uid-2")).status, 200);
    const banned = await rest("POST", "/messages", textTo("team-1", "hi", { receiverType: "group" }), { onBehalfOf: "cometchat-uid-2" });
    assert.equal(banned.code, "ERR_BANNED_GROUPMEMBER");
    assert.equal((await rest("DELETE", "/groups/team-1/bannedusers/cometchat-uid-2")).status, 200);
    assert.equal((await rest("DELETE", "/groups/team-1/bannedusers/cometchat-uid-2")).code, "ERR_NOT_A_BANNED_USER");
  });
});

describe("sending", () => {
  it("answers the message in the documented shape", async () => {
    const { status, body } = await rest("POST", "/bots/demo_bot/messages", textTo("cometchat-uid-1", "Hello <@uid:cometchat-uid-1>", { muid: "m-1", tags: ["bot"] }));
    assert.equal(status, 200);
    const { id, sentAt, updatedAt, data, ...rest_ } = body.data;
    assert.match(id, /^\d+$/);
    assert.match(String(sentAt), /^\d{10}$/);
    assert.equal(updatedAt, sentAt);
    assert.deepEqual(rest_, {
      conversationId: "cometchat-uid-1_user_demo_bot",
      sender: "demo_bot",
      receiverType: "user",
      receiver: "cometchat-uid-1",
      category: "message",
      type: "text",
      tags: ["bot"],
    });
    assert.equal(data.text, "Hello <@uid:cometchat-uid-1>");
    assert.deepEqual(Object.keys(data.mentions), ["cometchat-uid-1"]);
    assert.deepEqual(Object.keys(data.entities.sender.entity), ["uid", "name", "status", "role", "createdAt"]);
    assert.equal(data.entities.receiver.entity.conversationId, "cometchat-uid-1_user_demo_bot");
  });

  it("gives ids that grow over the whole app, as strings", async () => {
    const ids: number[] = [];
    for (const to of ["cometchat-uid-1", "cometchat-uid-2", "cometchat-uid-1"]) {
      ids.push(Number((await rest("POST", "/bots/demo_bot/messages", textTo(to, "x"))).body.data.id));
    }
    assert.deepEqual(ids, [ids[0], ids[0]! + 1, ids[0]! + 2]);
  });

  it("leaves text as it is", async () => {
    const text = `<b>&amp; "quotes" \u{1F3D2}\u0007 line\nbreak`;
    assert.equal((await rest("POST", "/bots/demo_bot/messages", textTo("cometchat-uid-1", text))).body.data.data.text, text);
  });

  const accepted: [what: string, body: Record<string, unknown>][] = [
    ["a text of 9,000 characters", textTo("cometchat-uid-1", "x".repeat(9000))],
    ["an image with a caption", { receiver: "team-1", receiverType: "group", type: "image", data: { text: "c", attachments: [{ url: "https://cdn.example/a.png", size: "20133" }] } }],
    ["custom data", { receiver: "cometchat-uid-1", receiverType: "user", category: "custom", type: "location", data: { customData: { lat: 1.2 } } }],
    ["an interactive card", { receiver: "cometchat-uid-1", receiverType: "user", category: "interactive", type: "card", data: { interactiveData: { text: "t" } } }],
    ["several receivers", { receiver: "cometchat-uid-1", receiverType: "user", data: { text: "x" }, multipleReceivers: { uids: ["cometchat-uid-2"], guids: ["team-1"] } }],
    ["a receiver in capitals", textTo("COMETCHAT-UID-1", "x")],
  ];
  for (const [what, body] of accepted) {
    it(`accepts ${what}`, async () => {
      assert.equal((await rest("POST", "/bots/demo_bot/messages", body, { unchecked: true })).status, 200);
    });
  }

  const refused: [what: string, body: unknown, status: number, code: string, field?: string][] = [
    ["no receiver", { receiverType: "user", data: { text: "x" } }, 400, "ERR_BAD_REQUEST", "receiver"],
    ["no receiverType", { receiver: "cometchat-uid-1", data: { text: "x" } }, 400, "ERR_BAD_REQUEST", "receiverType"],
    ["a receiverType in capitals", textTo("cometchat-uid-1", "x", { receiverType: "USER" }), 400, "ERR_INVALID_RECEIVER_TYPE"],
    ["an unknown user", textTo("nobody", "x"), 404, "ERR_UID_NOT_FOUND"],
    ["an unknown group", textTo("nothing", "x", { receiverType: "group" }), 404, "ERR_GUID_NOT_FOUND"],
    ["no data", { receiver: "cometchat-uid-1", receiverType: "user" }, 400, "ERR_BAD_REQUEST", "data"],
    ["data that is a list", textTo("cometchat-uid-1", "x", { data: [] }), 400, "ERR_INVALID_MESSAGE_DATA"],
    ["an empty text", textTo("cometchat-uid-1", ""), 400, "ERR_EMPTY_MESSAGE_TEXT"],
    ["a text that is a number", textTo("cometchat-uid-1", "", { data: { text: 5 } }), 400, "ERR_INVALID_MESSAGE_TEXT"],
    ["metadata that is a text", textTo("cometchat-uid-1", "", { data: { text: "x", metadata: "y" } }), 400, "ERR_INVALID_METADATA"],
    ["an unknown category", textTo("cometchat-uid-1", "x", { category: "card" }), 400, "ERR_INVALID_MESSAGE_CATEGORY"],
    ["an unknown type", textTo("cometchat-uid-1", "x", { type: "gif" }), 400, "ERR_INVALID_MESSAGE_TYPE"],
    ["custom without a type", textTo("cometchat-uid-1", "x", { category: "custom", type: undefined }), 400, "ERR_EMPTY_MESSAGE_TYPE"],
    ["custom without data", textTo("cometchat-uid-1", "x", { category: "custom", type: "t" }), 400, "ERR_EMPTY_CUSTOM_DATA"],
    ["custom data that is a text", textTo("cometchat-uid-1", "", { category: "custom", type: "t", data: { customData: "x" } }), 400, "ERR_INVALID_CUSTOM_DATA"],
    ["an image without a file", textTo("cometchat-uid-1", "x", { type: "image" }), 400, "ERR_EMPTY_MESSAGE_FILE"],
    ["an attachment without a URL", textTo("cometchat-uid-1", "", { type: "file", data: { attachments: [{}] } }), 400, "ERR_INVALID_MEDIA_MESSAGE"],
    ["data of more than 10 KB", textTo("cometchat-uid-1", "\u{1F3D2}".repeat(2600)), 400, "ERR_BAD_REQUEST", "data"],
    ["a text of 70,000 characters", textTo("cometchat-uid-1", "x".repeat(70_000)), 400, "ERR_BAD_REQUEST", "data"],
    ["26 tags", textTo("cometchat-uid-1", "x", { tags: Array(26).fill("t") }), 400, "ERR_BAD_REQUEST", "tags"],
    ["a tag of 101 characters", textTo("cometchat-uid-1", "x", { tags: ["t".repeat(101)] }), 400, "ERR_BAD_REQUEST", "tags.0"],
    ["a tag that is a number", textTo("cometchat-uid-1", "x", { tags: [5] }), 400, "ERR_BAD_REQUEST", "tags.0"],
    ["11 mentions", textTo("cometchat-uid-1", Array.from({ length: 11 }, (_, index) => `<@uid:u${index}>`).join("")), 400, "ERR_BAD_REQUEST", "data.text"],
    ["a muid that is a number", textTo("cometchat-uid-1", "x", { muid: 5 }), 400, "ERR_BAD_REQUEST", "muid"],
    ["what is not JSON", "{", 400, "ERR_BAD_REQUEST"],
    ["a list", "[]", 400, "ERR_BAD_REQUEST"],
    ["JSON nested 100,000 deep", `{"data":${"[".repeat(100_000)}${"]".repeat(100_000)}}`, 400, "ERR_BAD_REQUEST"],
    ["a body of 2 MiB", "x".repeat(2 ** 21), 400, "ERR_BAD_REQUEST"],
  ];
  for (const [what, body, status, code, field] of refused) {
    it(`refuses ${what}`, async () => {
      const answer = await rest("POST", "/bots/demo_bot/messages", body);
      assert.deepEqual([answer.status, answer.code], [status, code]);
      if (field) assert.ok(answer.body.error.details[field], JSON.stringify(answer.body));
    });
  }

  it("sends on behalf of a user, or as app_system", async () => {
    const user = await rest("POST", "/messages", textTo("cometchat-uid-2", "x"), { onBehalfOf: "COMETCHAT-UID-1" });
    assert.equal(user.body.data.sender, "cometchat-uid-1");
    const system = await rest("POST", "/messages", textTo("cometchat-uid-2", "x"));
    assert.deepEqual([system.body.data.sender, system.body.data.data.entities.sender.entity.name], ["app_system", "System"]);
  });
});

describe("threads", () => {
  it("needs onBehalfOf, answers parentId, and lists the replies", async () => {
    const parent = stage.say("question");
    const path = `/messages/${parent.id}/thread`;
    assert.equal((await rest("POST", path, textTo("cometchat-uid-1", "a"))).code, "ERR_BAD_REQUEST");
    const reply = await rest("POST", path, textTo("cometchat-uid-1", "a"), { onBehalfOf: "demo_bot" });
    assert.equal(reply.body.data.parentId, parent.id);
    const replies = (await rest("GET", path)).body.data;
    assert.deepEqual(replies.map((message: { id: string }) => message.id), [reply.body.data.id]);
    const nested = await rest("POST", `/messages/${reply.body.data.id}/thread`, textTo("cometchat-uid-1", "b"), { onBehalfOf: "demo_bot" });
    assert.equal(nested.code, "ERR_MESSAGE_THREAD_NESTING");
    const elsewhere = await rest("POST", path, textTo("cometchat-uid-2", "b"), { onBehalfOf: "demo_bot" });
    assert.equal(elsewhere.code, "ERR_WRONG_MESSAGE_THREAD");
    assert.equal((await rest("POST", "/messages/999999/thread", textTo("cometchat-uid-1", "a"), { onBehalfOf: "demo_bot" })).status, 404);
  });
});

describe("changes of messages", () => {
  it("edits, and answers an action message", async () => {
    const message = (await rest("POST", "/bots/demo_bot/messages", textTo("cometchat-uid-1", "old"))).body.data;
    const { data } = (await rest("PUT", `/messages/${message.id}`, { data: { text: "new" }, tags: ["t"] })).body;
    assert.deepEqual([data.category, data.type, data.data.action, data.data.entities.by.entity.uid], ["action", "message", "edited", "app_system"]);
    const on = data.data.entities.on.entity;
    assert.deepEqual([on.id, on.data.text, on.editedBy, on.tags], [message.id, "new", "app_system", ["t"]]);
    assert.equal((await rest("PUT", `/messages/${message.id}`, { data: { text: "x" } }, { onBehalfOf: "cometchat-uid-1" })).code, "ERR_MESSAGE_NOT_A_SENDER");
    assert.equal((await rest("PUT", `/messages/${message.id}`, { data: { text: "x" } }, { onBehalfOf: "cometchat-uid-2" })).code, "ERR_MESSAGE_NO_ACCESS");
    assert.equal((await rest("PUT", `/messages/${message.id}`, { data: { text: "" } })).code, "ERR_EMPTY_MESSAGE_TEXT");
    assert.equal((await rest("GET", `/messages/${message.id}`)).body.data.data.text, "new");
  });

  it("deletes softly by default, and for good if asked", async () => {
    const [soft, hard] = [stage.say("one"), stage.say("two")];
    const { data } = (await rest("DELETE", `/messages/${soft.id}`, undefined, { onBehalfOf: "cometchat-uid-1" })).body;
    assert.deepEqual([data.data.action, data.data.entities.on.entity.deletedBy], ["deleted", "cometchat-uid-1"]);
    const left = (await rest("GET", `/messages/${soft.id}`)).body.data;
    assert.deepEqual([typeof left.deletedAt, left.data.text], ["number", undefined]);
    assert.equal((await rest("DELETE", `/messages/${soft.id}`)).code, "ERR_MESSAGE_ACTION_NOT_ALLOWED");
    const gone = (await rest("DELETE", `/messages/${hard.id}`, { permanent: true })).body.data;
    assert.equal(gone.data.entities.on.entity.id, hard.id);
    assert.deepEqual([(await rest("GET", `/messages/${hard.id}`)).status, (await rest("GET", "/messages/abc")).status], [404, 404]);
  });

  it("reacts and takes it back", async () => {
    const message = stage.say("nice");
    const path = `/messages/${message.id}/reactions/${encodeURIComponent("\u{1F3D2}")}`;
    assert.equal((await rest("POST", path)).status, 400);
    const { data } = (await rest("POST", path, undefined, { onBehalfOf: "demo_bot" })).body;
    assert.deepEqual(data.data.reactions, [{ reaction: "\u{1F3D2}", count: 1, reactedByMe: true }]);
    await rest("POST", path, undefined, { onBehalfOf: "cometchat-uid-1" });
    const list = (await rest("GET", `/messages/${message.id}/reactions?limit=1`)).body;
    assert.deepEqual([list.data[0].uid, list.meta.next], ["demo_bot", { id: list.data[0].id }]);
    await rest("DELETE", path, undefined, { onBehalfOf: "demo_bot" });
    assert.equal((await rest("DELETE", path, undefined, { onBehalfOf: "demo_bot" })).code, "ERR_REACTION_NOT_FOUND");
    assert.equal((await rest("GET", path)).body.data.length, 1);
    for (let index = 0; index < 24; index += 1) {
      await rest("POST", `/messages/${message.id}/reactions/r${index}`, undefined, { onBehalfOf: "demo_bot" });
    }
    const over = await rest("POST", `/messages/${message.id}/reactions/more`, undefined, { onBehalfOf: "demo_bot" });
    assert.equal(over.code, "ERR_REACTION_LIMIT_EXCEEDED");
    assert.equal((await rest("POST", `/messages/${message.id}/reactions/${"x".repeat(46)}`, undefined, { onBehalfOf: "demo_bot" })).status, 400);
  });

  it("notes interactions with interactive messages only", async () => {
    const card = (await rest("POST", "/bots/demo_bot/messages", { receiver: "cometchat-uid-1", receiverType: "user", category: "interactive", type: "card", data: { interactiveData: { text: "t" } } }, { unchecked: true })).body.data;
    const path = `/messages/${card.id}/interacted`;
    assert.equal((await rest("PATCH", path, { interactions: ["a"] }, { onBehalfOf: "cometchat-uid-1" })).status, 200);
    const text = stage.say("x");
    assert.equal((await rest("PATCH", `/messages/${text.id}/interacted`, { interactions: ["a"] }, { onBehalfOf: "cometchat-uid-1" })).code, "ERR_MESSAGE_ACTION_NOT_ALLOWED");
  });
});

describe("histories", () => {
  const ids = (answer: { body: { data: { id: string }[] } }) => answer.body.data.map(({ id }) => Number(id));
  let first: number;

  beforeEach(async () => {
    first = Number(stage.say("1").id);
    for (const text of ["2", "3", "4", "5"]) stage.say(text);
    stage.emulator.send({ sender: "cometchat-uid-2", receiver: "demo_bot", receiverType: "user", text: "other" });
    stage.emulator.send({ sender: "cometchat-uid-1", receiver: "team-1", receiverType: "group", text: "all" });
  });

  const mine = "/users/cometchat-uid-1/messages";
  const bot = { onBehalfOf: "demo_bot" };
  const cases: [query: (first: number) => string, offsets: number[]][] = [
    [() => "?limit=2", [0, 1]],
    [() => "?perPage=3", [0, 1, 2]],
    [() => "?affix=prepend&limit=2", [3, 4]],
    [(id) => `?affix=append&id=${id + 1}&limit=2`, [2, 3]],
    [(id) => `?affix=prepend&id=${id + 3}&limit=2`, [1, 2]],
    [(id) => `?affix=append&id=${id + 4}`, []],
    [() => "?searchKey=3", [2]],
    [() => "?categories[]=action", []],
    [() => "?categories=[\"message\"]&types=text,image&limit=1", [0]],
    [() => "?fromTimestamp=1&toTimestamp=2", []],
    [() => "?unread=true&limit=1", [0]],
  ];
  for (const [query, offsets] of cases) {
    it(`1:1 ${query(100)}`, async () => {
      assert.deepEqual(ids(await rest("GET", `${mine}${query(first)}`, undefined, bot)), offsets.map((offset) => first + offset));
    });
  }

  it("tells where the next page begins", async () => {
    const { body } = await rest("GET", `${mine}?limit=2`, undefined, bot);
    assert.deepEqual(body.meta.current, { limit: 2, count: 2 });
    assert.deepEqual([body.meta.next.affix, body.meta.next.id], ["append", String(first + 1)]);
    const back = await rest("GET", `${mine}?affix=prepend&limit=2`, undefined, bot);
    assert.equal(back.body.meta.next.id, String(first + 3));
  });

  it("lists a user's 1:1 messages when on nobody's behalf, and everything under /messages", async () => {
    assert.equal((await rest("GET", "/users/demo_bot/messages")).body.data.length, 6);
    assert.equal((await rest("GET", "/messages")).body.data.length, 7);
    assert.equal((await rest("GET", "/messages?receiverType=group")).body.data.length, 1);
    assert.equal((await rest("GET", "/messages", undefined, { onBehalfOf: "cometchat-uid-2" })).body.data.length, 2);
    assert.equal((await rest("GET", "/messages?conversationId=group_team-1")).body.data.length, 1);
    assert.equal((await rest("GET", "/groups/team-1/messages")).body.data[0].data.text, "all");
  });

  it("refuses bad cursors and sizes", async () => {
    for (const query of ["limit=0", "limit=1001", "perPage=x", "affix=up", "id=abc", "fromTimestamp=-5"]) {
      assert.equal((await rest("GET", `${mine}?${query}`, undefined, bot)).status, 400, query);
    }
    assert.equal((await rest("GET", "/users/nobody/messages")).status, 404);
    assert.equal((await rest("GET", "/groups/nothing/messages")).status, 404);
  });

  it("marks as delivered, read and unread", async () => {
    const conversation = "/users/cometchat-uid-1/conversation";
    assert.equal((await rest("GET", conversation, undefined, bot)).body.data.unreadMessageCount, "5");
    assert.equal((await rest("POST", `${conversation}/delivered`, undefined, bot)).body.data.success, true);
    const read = await rest("POST", `${conversation}/read`, undefined, bot);
    assert.match(read.body.data.Message, /marked as read/);
    assert.equal((await rest("GET", conversation, undefined, bot)).body.data.unreadMessageCount, "0");
    assert.equal(typeof (await rest("GET", `/messages/${first}`)).body.data.readAt, "number");
    assert.equal((await rest("POST", "/groups/team-1/conversation/read", undefined, bot)).body.data.message.length > 0, true);
    await rest("DELETE", `${conversation}/read`, undefined, bot);
    assert.equal((await rest("GET", "/conversations?unread=true", undefined, bot)).body.data.length, 2);
    assert.equal((await rest("GET", "/conversations")).body.data.length, 3);
    assert.equal((await rest("GET", conversation, undefined, { onBehalfOf: "cometchat-uid-3" })).code, "ERR_CONVERSATION_NOT_ACCESSIBLE");
    assert.equal((await rest("PUT", conversation, { tags: ["vip"] }, bot)).body.data.tags[0], "vip");
    assert.equal((await rest("DELETE", conversation, undefined, bot)).body.data.success, true);
    assert.deepEqual(ids(await rest("GET", mine, undefined, bot)), []);
  });
});

describe("rate limits", () => {
  it("counts down, then answers 429 with when to come again", async () => {
    stage.emulator.change({ rateLimit: { standard: 3 } });
    const remaining: (string | null)[] = [];
    for (let index = 0; index < 3; index += 1) {
      const { headers } = await rest("GET", "/users");
      remaining.push(headers.get("x-rate-limit-remaining"));
      assert.equal(headers.get("x-rate-limit"), "3");
    }
    // A minute may have ended in between.
    if (remaining.join() !== "2,1,0") return;
    const { status, code, headers } = await rest("GET", "/users");
    if (status === 200) return;
    assert.deepEqual([status, code], [429, "ERR_TOO_MANY_REQUESTS"]);
    const seconds = Number(headers.get("retry-after"));
    assert.ok(seconds >= 1 && seconds <= 60);
    assert.equal(Number(headers.get("x-rate-limit-reset")) % 60, 0);
    assert.equal((await rest("POST", "/users", { uid: "core", name: "Core" })).status, 200);
  });
});
