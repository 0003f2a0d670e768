/** The operator's routes: who may ask, what they answer, and that looking changes nothing. */

import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";

import { eventually } from "./eventually.ts";
import type { World } from "./harness.ts";
import { startWorld } from "./harness.ts";
import { afterMessage } from "./payloads.ts";

let world: World;

before(async () => {
  world = await startWorld({ settings: { REST_AFTER_SECONDS: 1, EMPTY_AFTER_SECONDS: 3 } });
});
after(() => world.close());

const routes: [method: string, path: string][] = [
  ["GET", "/conversations"],
  ["GET", "/conversations/demo_bot/user/cometchat-uid-1"],
  ["GET", "/dead"],
  ["POST", "/dead/replay"],
  ["POST", "/dead/demo_bot/user/cometchat-uid-1/712/replay"],
  ["DELETE", "/dead/demo_bot/user/cometchat-uid-1/712"],
  // Letters of before their conversation was part of the key.
  ["POST", "/dead/demo_bot/712/replay"],
  ["DELETE", "/dead/demo_bot/712"],
];

/** The longest UID or GUID, and the longest message id, and one more of each. */
const peer = (length: number) => "p".repeat(length);
const id = (length: number) => "7".repeat(length);

describe("who may ask", () => {
  const wrong: [what: string, authorization?: string][] = [
    ["nothing"],
    ["an empty token", "Bearer "],
    ["a wrong token", "Bearer guess"],
    ["half the token", "Bearer local-admin"],
    ["another scheme", `Basic ${Buffer.from("admin:local-admin-token").toString("base64")}`],
  ];
  for (const [what, authorization] of wrong) {
    test(`${what}: 401`, async () => {
      // Also where there is nothing, and for a wrong method: who may not ask learns nothing.
      for (const [method, path] of [...routes, ["GET", "/nothing"], ["PUT", "/dead"]] as const) {
        const headers = { ...(authorization !== undefined && { Authorization: authorization }) };
        const answer = await world.request(`/admin${path}`, { method, headers });
        assert.deepEqual([path, answer.status, answer.body.error.code], [path, 401, "ERR_UNAUTHORIZED"]);
        assert.equal(answer.headers.get("WWW-Authenticate"), 'Bearer realm="halley"');
      }
    });
  }

  for (const path of ["", "/", "/nothing", "/conversations/demo_bot", "/conversations/demo_bot/room/x", "/conversations/demo_bot/user/x/y", "/dead/demo_bot", "/dead/demo_bot/712/bury", "/dead/demo_bot/room/x/712", "/dead/demo_bot/user/x/712/bury"]) {
    test(`/admin${path} leads nowhere: 404`, async () => {
      const { status, body } = await world.admin(path);
      assert.deepEqual([status, body.error.code], [404, "ERR_API_NOT_FOUND"]);
    });
  }

  for (const [what, path] of [
    ["a peer", `/conversations/demo_bot/group/${peer(256)}`],
    ["a bot", `/conversations/${peer(256)}/user/x`],
    ["a message id", `/dead/demo_bot/user/x/${id(65)}`],
    ["a message id of before", `/dead/demo_bot/${id(65)}`],
    ["a peer of a dead message", `/dead/demo_bot/group/${peer(256)}/7`],
  ] as const) {
    test(`${what} that is too long leads nowhere: 404`, async () => {
      for (const [method, end] of path.startsWith("/dead") ? [["DELETE", ""], ["POST", "/replay"]] as const : [["GET", ""]] as const) {
        const { status, body } = await world.admin(path + end, method);
        assert.deepEqual([status, body.error.code], [404, "ERR_API_NOT_FOUND"]);
      }
    });
  }

  test("keys as long as they may be are looked for", async () => {
    for (const [method, path, code] of [
      ["GET", `/conversations/demo_bot/group/${peer(255)}`, "ERR_CONVERSATION_NOT_FOUND"],
      ["DELETE", `/dead/demo_bot/group/${peer(255)}/${id(64)}`, "ERR_DEAD_LETTER_NOT_FOUND"],
      ["POST", `/dead/demo_bot/group/${peer(255)}/${id(64)}/replay`, "ERR_DEAD_LETTER_NOT_FOUND"],
    ] as const) {
      const { status, body } = await world.admin(path, method);
      assert.deepEqual([status, body.error.code], [404, code]);
    }
  });

  for (const [method, path] of routes) {
    test(`${path} takes ${method} only: 405`, async () => {
      for (const other of ["GET", "POST", "PUT", "DELETE"].filter((other) => other !== method)) {
        const { status, body, headers } = await world.admin(path, other);
        assert.deepEqual([status, body.error.code, headers.get("Allow")], [405, "ERR_METHOD_NOT_ALLOWED", method]);
      }
    });
  }
});

test("looking creates nothing", async () => {
  const missing = await world.admin("/conversations/demo_bot/user/nobody-yet");
  assert.deepEqual([missing.status, missing.body.error.code], [404, "ERR_CONVERSATION_NOT_FOUND"]);
  for (const path of ["/conversations", "/dead"]) {
    const { status, body } = await world.admin(path);
    assert.deepEqual([status, body], [200, { items: [] }]);
  }
  for (const path of ["/dead/demo_bot/712", "/dead/demo_bot/user/nobody-yet/712"]) {
    const gone = await world.admin(path, "DELETE");
    assert.deepEqual([gone.status, gone.body.error.code], [404, "ERR_DEAD_LETTER_NOT_FOUND"]);
  }
  assert.deepEqual((await world.admin("/dead/replay", "POST")).body, { accepted: 0, duplicate: 0, failed: 0 });
  assert.equal(world.worker.inFlight(), 0);
  assert.deepEqual((await (await world.kv()).list()).keys, []);
});

test("a conversation is shown in flight, at rest in its object, and in KV alone, with the same counts", async () => {
  const name = "demo_bot:group:team-1";
  const to = { group: "team-1" };
  for (const [text, sender] of [["/help", "cometchat-uid-1"], ["lunch?", "cometchat-uid-2"], ["I say", "rehearsal_bot"], ["so", "demo_bot"]] as const) {
    assert.equal((await world.post(afterMessage({ to, text, sender }))).status, 200);
  }
  const counts = { received: 4, answered: 1, ignored: 3, handedOver: 0, dead: 0 };
  const inFlight = await eventually(async () => {
    const view = await world.view(name);
    assert.deepEqual(view.counts, counts);
    return view;
  });
  assert.deepEqual([inFlight.conversation, inFlight.conversationId, inFlight.inFlight], [name, "group_team-1", 0]);

  await eventually(async () => assert.equal((await world.view(name)).archived, (await world.view(name)).generation));
  assert.deepEqual((await world.view(name)).counts, counts);

  await eventually(() => assert.equal(world.worker.inFlight(), 0), { within: 20_000 });
  const rested = await world.view(name);
  assert.deepEqual([rested.counts, rested.inFlight, rested.conversationId], [counts, 0, "group_team-1"]);
  assert.equal(world.worker.inFlight(), 0);
  assert.equal((await world.admin("/conversations/DEMO_BOT/group/team%2D1")).status, 200);
});

test("lists come a page at a time", async () => {
  const kv = await world.kv();
  const value = (n: number) => JSON.stringify({ version: 1, generation: 1, bot: "demo_bot", counts: { received: n } });
  const names = Array.from({ length: 7 }, (_, n) => `demo_bot:user:reader-${n}`);
  await Promise.all(names.map((name, n) => kv.put(`conversation:${name}`, value(n))));
  const metadata = { kind: "turn", reason: "crashed", attempts: 3, diedAt: 1 };
  await Promise.all(names.map((name, n) => kv.put(`dead:${name}:${n}`, "{}", { metadata })));
  assert.deepEqual((await world.admin("/dead?limit=2")).body.items, [
    { conversation: names[0], messageId: "0", ...metadata },
    { conversation: names[1], messageId: "1", ...metadata },
  ]);
  for (const [path, field, expected] of [
    ["/conversations", "conversation", [...names, "demo_bot:group:team-1"].sort()],
    ["/dead", "messageId", names.map((_, n) => String(n))],
  ] as const) {
    const whole = await world.admin(path);
    assert.deepEqual(whole.body.items.map((item: Record<string, string>) => item[field]), expected);
    assert.ok(!whole.body.cursor);

    const pages: string[][] = [];
    let cursor = "";
    do {
      const { status, body } = await world.admin(`${path}?limit=3${cursor && `&cursor=${encodeURIComponent(cursor)}`}`);
      assert.equal(status, 200);
      pages.push(body.items.map((item: Record<string, string>) => item[field]));
      cursor = body.cursor ?? "";
    } while (cursor !== "" && pages.length < 10);
    assert.ok(pages.every((page) => page.length <= 3), JSON.stringify(pages));
    assert.deepEqual(pages.flat(), expected);
  }
  const [item] = (await world.admin("/conversations")).body.items;
  assert.equal(item.conversation, "demo_bot:group:team-1");
  assert.deepEqual(item.counts, { received: 4, answered: 1, ignored: 3, handedOver: 0, dead: 0 });
});

test("a UID may be written in capital letters, a GUID may not", async () => {
  await world.ask("hello", { from: "cometchat-uid-3" });
  for (const path of ["demo_bot/user/cometchat-uid-3", "demo_bot/user/CometChat-UID-3", "Demo_Bot/user/COMETCHAT-UID-3"]) {
    const { status, body } = await world.admin(`/conversations/${path}`);
    assert.deepEqual([path, status, body.conversation], [path, 200, "demo_bot:user:cometchat-uid-3"]);
  }
  assert.equal((await world.admin("/conversations/demo_bot/group/TEAM-1")).status, 404);
});
