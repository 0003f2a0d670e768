/** Settings that are missing, empty or unreadable, `/health`, and the operator's routes. */

import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";

import { releaseBuild } from "../scripts/lib/paths.mjs";
import type { World } from "./harness.ts";
import { startWorld } from "./harness.ts";
import { afterMessage } from "./payloads.ts";
import type { Settings } from "./worker.ts";

describe("a worker whose settings are not complete", () => {
  const incomplete: [what: string, settings: Settings, names: string[], without?: string[]][] = [
    [
      "none of the required ones",
      {
        COMETCHAT_APP_ID: undefined,
        COMETCHAT_REGION: undefined,
        COMETCHAT_API_KEY: undefined,
        CALLBACK_USERNAME: undefined,
        CALLBACK_PASSWORD: undefined,
        BOTS: undefined,
      },
      ["BOTS", "CALLBACK_PASSWORD", "CALLBACK_USERNAME", "COMETCHAT_API_KEY", "COMETCHAT_APP_ID", "COMETCHAT_REGION"],
    ],
    ["an empty password", { CALLBACK_PASSWORD: "" }, ["CALLBACK_PASSWORD"]],
    ["bots that are not JSON", { BOTS: "demo_bot=assistant" }, ["BOTS"]],
    ["a behaviour that there is not", { BOTS: { demo_bot: "oracle" } }, ["BOTS"]],
    ["a number that is none", { REST_AFTER_SECONDS: "soon" }, ["REST_AFTER_SECONDS"]],
    ["no KV namespace", {}, ["CONVERSATIONS"], ["CONVERSATIONS"]],
    ["no Durable Object", {}, ["CONVERSATION"], ["CONVERSATION"]],
    ["neither", {}, ["CONVERSATION", "CONVERSATIONS"], ["CONVERSATION", "CONVERSATIONS"]],
  ];

  for (const [what, settings, names, without = []] of incomplete) {
    test(`${what}: 503, and no values`, async () => {
      const world = await startWorld({ settings, without });
      try {
        const callback = await world.post(afterMessage());
        assert.equal(callback.status, 503);
        assert.equal(callback.body.error.code, "ERR_MISCONFIGURED");
        assert.equal(callback.headers.get("Retry-After"), "10");

        const health = await world.request("/health");
        assert.equal(health.status, 503);
        assert.equal(health.body.error.code, "ERR_MISCONFIGURED");
        assert.deepEqual([...health.body.error.details.settings].sort(), names);

        for (const value of ["halley-local-api-key", "local-callback-password", "local-admin-token", "oracle", "soon"]) {
          assert.ok(!JSON.stringify([callback.body, health.body]).includes(value), `${value} is shown.`);
          assert.ok(!world.log.includes(value), `${value} is logged.`);
        }
        assert.deepEqual(world.emulator.restCalls(), []);
      } finally {
        await world.close();
      }
    });
  }
});

describe("the build that is deployed", { concurrency: true }, () => {
  test("does not have the bot that the tests talk to, and names the setting that asks for it", async () => {
    const world = await startWorld({ build: releaseBuild, settings: { BOTS: { rehearsal_bot: "rehearsal" } } });
    try {
      const said = afterMessage({ to: { user: "rehearsal_bot" } }, { bot: "rehearsal_bot" });
      const callback = await world.post(said, { bot: "rehearsal_bot" });
      assert.deepEqual([callback.status, callback.body.error.code], [503, "ERR_MISCONFIGURED"]);
      assert.deepEqual((await world.request("/health")).body.error.details.settings, ["BOTS"]);
      assert.ok(world.lines("misconfigured").some(({ detail }) => String(detail).includes("BOTS names a behaviour that this worker does not have")), world.log);
    } finally {
      await world.close();
    }
  });

  test("answers with the bot that it comes with", async () => {
    const world = await startWorld({ build: releaseBuild, settings: { BOTS: { demo_bot: "assistant" } } });
    try {
      assert.equal((await world.ask("hi")).data?.["text"], "Hello Andrew Joseph! I am a bot that runs on Halley. Say /help to see what I can do.");
    } finally {
      await world.close();
    }
  });
});

describe("a worker that is set up", () => {
  let world: World;
  before(async () => {
    // An object, as in wrangler.toml, is what the other tests hand over.
    world = await startWorld({ settings: { BOTS: '{"demo_bot":"assistant"}', ADMIN_TOKEN: undefined } });
  });
  after(() => world.close());

  test("is healthy", async () => {
    const { status, body, headers } = await world.request("/health");
    assert.equal(status, 200);
    assert.equal(body.status, "ok");
    assert.equal(headers.get("Content-Type"), "application/json");
  });

  test("says of its health no more than GET and HEAD ask for", async () => {
    assert.equal((await world.request("/health", { method: "HEAD" })).status, 200);
    const { status, headers } = await world.request("/health", { method: "POST" });
    assert.deepEqual([status, headers.get("Allow")], [405, "GET, HEAD"]);
  });

  test("takes its bots as a string too", async () => {
    assert.deepEqual((await world.post(afterMessage())).body, { status: "accepted" });
  });

  test("has no operator's routes without a token for them", async () => {
    for (const path of ["/admin", "/admin/", "/admin/conversations", "/admin/dead"]) {
      for (const headers of [{}, { Authorization: "Bearer " }, { Authorization: "Bearer local-admin-token" }] as Record<string, string>[]) {
        const { status, body } = await world.request(path, { headers });
        assert.deepEqual([path, status, body.error.code], [path, 404, "ERR_API_NOT_FOUND"]);
      }
    }
  });
});
