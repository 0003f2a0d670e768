/** The emulator as a library and on the command line, and its bounds. */

import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, describe, it } from "node:test";
import { fileURLToPath } from "node:url";

import { startEmulator, StartError } from "../../emulator/index.ts";
import { scene } from "./support.ts";

const MAIN = fileURLToPath(new URL("../../emulator/main.ts", import.meta.url));

describe("the library", () => {
  it("waits for messages that are there already, and for those that come", async (context) => {
    const stage = await scene({}, context);
    const { emulator } = stage;
    const first = stage.say("a");
    assert.equal((await emulator.waitForMessage(({ data }) => data.text === "a")).id, first.id);
    const next = emulator.waitForMessage(({ data }) => data.text === "b", { after: first.id });
    setTimeout(() => stage.say("b"), 20);
    assert.ok(Number((await next).id) > Number(first.id));
    await assert.rejects(emulator.waitForMessage(() => false, { timeout: 20 }), /No message matched within 20 ms\. Seen: \d+ message\/text from cometchat-uid-1/);
  });

  it("says when callbacks are still on their way", async (context) => {
    const stage = await scene({ settings: { callbackRetries: "5" } }, context);
    stage.bot.answer = () => 500;
    stage.say("a");
    await assert.rejects(stage.emulator.idle({ timeout: 100 }), /still on their way/);
  });

  it("starts with another world, other keys and other settings", async (context) => {
    const stage = await scene(
      {
        appId: "app1",
        region: "us",
        apiKey: "key",
        firstMessageId: 500,
        settings: { envelope: "new" },
        world: { users: [{ uid: "ann", name: "Ann" }, { uid: "bob", name: "Bob" }], bots: [], groups: [{ guid: "g", name: "G", members: { ann: "admin" } }] },
      },
      context,
    );
    const { emulator } = stage;
    assert.equal(emulator.send({ sender: "ann", receiver: "bob", receiverType: "user", text: "x" }).id, "500");
    assert.equal(emulator.state().settings.values["envelope"], "new");
    assert.equal((await stage.rest("GET", "/groups/g/members")).body.data[0].uid, "ann");
    emulator.addBot({ uid: "guide", name: "Guide", webhookURL: `${stage.bot.url}/x`, enabled: true });
    emulator.send({ sender: "ann", receiver: "guide", receiverType: "user", text: "hi" });
    await emulator.idle();
    assert.deepEqual(stage.bot.texts(), ["hi"]);
  });

  it("refuses to start with settings that do not exist, or on a port in use", async (context) => {
    await assert.rejects(startEmulator({ settings: { nothing: 1 } }), /no setting named "nothing"/);
    const stage = await scene({}, context);
    await assert.rejects(startEmulator({ port: stage.emulator.port }), (error) => error instanceof StartError && /in use already/.test(error.message));
  });

  it("closes while callbacks hang", async () => {
    const stage = await scene();
    stage.bot.answer = () => undefined;
    stage.say("a");
    const started = Date.now();
    await stage.close();
    assert.ok(Date.now() - started < 1000);
  });
});

describe("bounds", () => {
  it("drops the oldest messages, and keeps every index right", async (context) => {
    const stage = await scene({ limits: { messages: 50 } }, context);
    const { emulator, rest } = stage;
    await rest("PUT", "/bots/demo_bot", { enabled: false });
    const parent = stage.say("parent");
    for (let index = 0; index < 200; index += 1) {
      emulator.send({ sender: `cometchat-uid-${(index % 4) + 1}`, receiver: "demo_bot", receiverType: "user", text: `${index}`, muid: `m${index}` });
    }
    const { counts } = emulator.state();
    assert.deepEqual([counts.messages, counts.messagesDropped, counts.conversations], [50, 151, 4]);
    assert.equal((await rest("GET", `/messages/${parent.id}`)).status, 404);
    const history = (await rest("GET", "/users/cometchat-uid-1/messages?limit=100", undefined, { onBehalfOf: "demo_bot" })).body.data;
    assert.deepEqual(history.map(({ data }: { data: { text: string } }) => Number(data.text)), Array.from({ length: 12 }, (_, index) => 152 + index * 4));
    emulator.set({ sameMuid: "same" });
    const fresh = emulator.send({ sender: "cometchat-uid-1", receiver: "demo_bot", receiverType: "user", text: "again", muid: "m0" });
    assert.equal(fresh.data.text, "again", "the muid of a dropped message is free again");
  });

  it("drops a conversation with its last message", async (context) => {
    const stage = await scene({ limits: { messages: 3 } }, context);
    stage.say("a");
    for (let index = 0; index < 3; index += 1) stage.say("b", "group");
    assert.deepEqual(stage.emulator.state().conversations.map(({ conversationId }) => conversationId), ["group_team-1"]);
  });

  it("drops the oldest exchanges", async (context) => {
    const stage = await scene({ limits: { exchanges: 20 } }, context);
    for (let index = 0; index < 100; index += 1) await stage.rest("GET", "/users/cometchat-uid-1");
    const calls = stage.emulator.restCalls();
    assert.ok(calls.length <= 20 && calls.length >= 15, `${calls.length}`);
    assert.equal(calls.at(-1)?.id, 100);
  });
});

describe("the command line", { concurrency: 2 }, () => {
  const folder = mkdtempSync(join(tmpdir(), "emulator-"));
  after(() => rmSync(folder, { recursive: true }));

  function config(content: string): string {
    const file = join(folder, `${Math.random()}.json`);
    writeFileSync(file, content);
    return file;
  }

  /** Runs to the end, or, if it starts, until it has printed something and was interrupted. */
  function run(...args: string[]): Promise<{ code: number | null; out: string; problem: string }> {
    return new Promise((resolve) => {
      const child = spawn(process.execPath, [MAIN, ...args]);
      let out = "";
      let problem = "";
      child.stderr.on("data", (chunk: Buffer) => (problem += chunk));
      child.stdout.on("data", (chunk: Buffer) => {
        out += chunk;
        child.kill("SIGINT");
      });
      child.on("close", (code) => resolve({ code, out, problem }));
    });
  }

  it("serves, says where, and stops at an interrupt", async () => {
    const { code, out } = await run("--port", "0", "--json", "--set", "envelope=new");
    assert.equal(code, 0);
    assert.match((JSON.parse(out) as { apiUrl: string }).apiUrl, /\/v3$/);
  });

  it("takes a file, over which the command line wins", async () => {
    const file = config(JSON.stringify({ port: 0, appId: "app1", settings: { rest500: 0.1 }, seed: 3 }));
    const { code, out } = await run("--config", file, "--set", "rest500=0.2");
    assert.equal(code, 0);
    assert.match(out, /app app1 \(eu\)/);
  });

  it("prints help, and the list of settings", async () => {
    assert.match((await run("--help")).out, /--callback-url/);
    assert.match((await run("--list")).out, /callbackTimeout=2/);
  });

  const refused: [args: string[], problem: RegExp][] = [
    [["--port", "x"], /--port must be a whole number/],
    [["--port", "70000"], /from 0 to 65535/],
    [["--set", "envelope"], /--set needs NAME=VALUE/],
    [["--set", "envelope=odd"], /envelope must be one of legacy, new/],
    [["--nothing"], /Unknown option '--nothing'; --help/],
    [["--callback-url", "nowhere"], /must start with http/],
    [["--config", "/does/not/exist.json"], /cannot be read: ENOENT/],
    [["--config", config("[]")], /is not a JSON object/],
    [["--config", config(`{"prot": 1}`)], /"prot" is not an option/],
    [["--config", config(`{"port": "many"}`)], /port must be a number/],
    [["--config", config(`{"world": {"users": 5}}`)], /world/],
    [["--host", "203.0.113.1"], /not an address of this machine/],
  ];
  for (const [args, problem] of refused) {
    it(`refuses ${args.join(" ").replace(folder, "")}`, async () => {
      const result = await run(...args);
      assert.notEqual(result.code, 0);
      assert.match(result.problem, problem);
      assert.equal(result.problem.trim().split("\n").length, 1, result.problem);
    });
  }
});
