/** The emulator's own routes: what the chat page speaks. */

import assert from "node:assert/strict";
import { request } from "node:http";
import { after, before, beforeEach, describe, it } from "node:test";

import type { CallbackExchange, EmulatorEvent, ExchangesPage, Fixture, Message, MessagesPage, Settings, State } from "../../emulator/index.ts";
import { eventually } from "../eventually.ts";
import type { Scene } from "./support.ts";
import { Listener, scene, textTo } from "./support.ts";

let stage: Scene;

before(async () => (stage = await scene()));
beforeEach(async () => {
  await stage.emulator.idle();
  stage.emulator.reset();
  stage.bot.forget();
});
after(() => stage.close());

/** Calls a route and gives the status with the answer. */
async function call<Answer>(method: string, path: string, body?: unknown): Promise<{ status: number; answer: Answer }> {
  const response = await fetch(`${stage.emulator.url}/emulator/${path}`, {
    method,
    ...(body !== undefined && { headers: { "Content-Type": "application/json" }, body: JSON.stringify(body) }),
  });
  return { status: response.status, answer: (await response.json()) as Answer };
}

const toBot = { sender: "cometchat-uid-1", receiver: "demo_bot", receiverType: "user" };
const withBot = "person=cometchat-uid-1&receiver=demo_bot&receiverType=user";

describe("state and messages", () => {
  it("shows people, bots, groups and conversations", async () => {
    stage.say("hi");
    const { answer: state } = await call<State>("GET", "state");
    assert.deepEqual(state.people.map(({ name }) => name), ["Andrew Joseph", "George Alan", "Nancy Grace", "Susan Marie"]);
    assert.deepEqual(state.bots.map(({ bot }) => [bot.uid, bot.password]), [["demo_bot", "…"]]);
    assert.equal(state.groups[0]?.members.length, 5);
    const [summary] = state.conversations;
    assert.deepEqual([summary?.messageCount, summary?.unread, summary?.lastMessage.data.text], [1, { demo_bot: 1 }, "hi"]);
    assert.equal(state.apiUrl, stage.emulator.apiUrl);
  });

  it("shows a bot whose user is deactivated, which hears nothing", async () => {
    await stage.rest("DELETE", "/users/demo_bot");
    stage.say("hi", "group");
    await stage.emulator.idle();
    assert.deepEqual([stage.emulator.state().bots.length, stage.bot.heard.length], [1, 0]);
  });

  it("sends, edits, reacts, deletes and reads as a person", async () => {
    const { answer: sent } = await call<Message>("POST", "messages", { ...toBot, text: "helo" });
    assert.match(sent.muid ?? "", /^_/);
    assert.equal((await call<Message>("PUT", `messages/${sent.id}`, { person: "cometchat-uid-1", text: "hello" })).answer.data.text, "hello");
    const path = `messages/${sent.id}/reactions/${encodeURIComponent("\u{1F44D}")}?person=cometchat-uid-1`;
    assert.equal((await call<Message>("POST", path)).answer.data.reactions?.[0]?.reactedByMe, true);
    assert.equal((await call<Message>("DELETE", path)).answer.data.reactions, undefined);
    assert.equal(typeof (await call<Message>("DELETE", `messages/${sent.id}?person=cometchat-uid-1`)).answer.deletedAt, "number");
    await stage.rest("POST", "/bots/demo_bot/messages", textTo("cometchat-uid-1", "x"));
    const unread = async () => (await call<State>("GET", "state")).answer.conversations[0]?.unread["cometchat-uid-1"];
    assert.equal(await unread(), 1);
    await call("POST", "read", { person: "cometchat-uid-1", receiver: "demo_bot", receiverType: "user" });
    assert.equal(await unread(), undefined);
    assert.deepEqual(stage.emulator.restCalls().map(({ operation }) => operation), ["sendBotMessage"]);
  });

  it("pages backwards, and leaves threads to themselves", async () => {
    const ids = Array.from({ length: 7 }, (_, index) => stage.say(`${index}`).id);
    const reply = stage.emulator.send({ ...toBot, receiverType: "user", text: "reply", parentId: ids[0]! });
    const page = async (more: string) => (await call<MessagesPage>("GET", `messages?${withBot}&limit=3${more}`)).answer;
    const last = await page("");
    assert.deepEqual(last.messages.map(({ id }) => id), ids.slice(4));
    const middle = await page(`&before=${last.before}`);
    const first = await page(`&before=${middle.before}`);
    assert.deepEqual([first.messages.map(({ id }) => id), first.before, first.messages[0]?.replyCount], [[ids[0]], undefined, 1]);
    const thread = (await call<MessagesPage>("GET", `messages?parentId=${ids[0]}`)).answer;
    assert.deepEqual(thread.messages.map(({ id }) => id), [reply.id]);
    const nothing = (await call<MessagesPage>("GET", "messages?person=cometchat-uid-2&receiver=demo_bot&receiverType=user")).answer;
    assert.deepEqual(nothing, { messages: [] });
  });

  const refused: [method: string, path: string, body: unknown, status: number][] = [
    ["POST", "messages", { ...toBot, sender: "nobody", text: "x" }, 404],
    ["POST", "messages", { ...toBot, text: "" }, 400],
    ["POST", "messages", { ...toBot, text: 5 }, 400],
    ["POST", "messages", {}, 404],
    ["GET", "messages", undefined, 400],
    ["GET", `messages?${withBot}&limit=x`, undefined, 400],
    ["GET", "messages?person=a&receiver=b&receiverType=c", undefined, 400],
    ["PUT", "messages/1", {}, 404],
    ["DELETE", "messages/1", undefined, 400],
    ["POST", "read", {}, 404],
    ["PUT", "settings", { values: { nothing: 1 } }, 400],
    ["PUT", "settings", { values: { callbackTimeout: "soon" } }, 400],
    ["PUT", "settings", { seed: 1.5 }, 400],
    ["PUT", "settings", { webhooks: null }, 400],
    ["PUT", "settings", { rateLimit: { cor: 5 } }, 400],
    ["POST", "fixtures", {}, 404],
    ["POST", "replay", {}, 400],
    ["POST", "replay", { fixture: { version: 1, callbacks: [null], messages: [] }, mode: "callbacks" }, 400],
    ["POST", "callback-check", {}, 404],
    ["POST", "callbacks", { bot: "demo_bot" }, 400],
    ["POST", "callbacks", { bot: "demo_bot", body: {}, headers: { "x y": "z" } }, 400],
    ["GET", "nothing", undefined, 404],
    ["GET", "messages/%zz/reactions/x", undefined, 404],
  ];
  for (const [method, path, body, status] of refused) {
    it(`refuses ${method} ${path} ${JSON.stringify(body) ?? ""}`, async () => {
      const { status: answered, answer } = await call<{ error?: { message: string } }>(method, path, body);
      assert.equal(answered, status);
      assert.ok(answer.error?.message);
    });
  }
});

describe("other sites", () => {
  const status = (path: string, headers: Record<string, string>) =>
    new Promise<number | undefined>((resolve, reject) => {
      const outgoing = request(`${stage.emulator.url}${path}`, { headers: { apikey: stage.emulator.apiKey, ...headers } }, (response) => {
        response.resume();
        resolve(response.statusCode);
      });
      outgoing.on("error", reject).end();
    });

  for (const path of ["/emulator/state", "/v3/users/cometchat-uid-1"]) {
    it(`may not call ${path} through a browser`, async () => {
      const host = new URL(stage.emulator.url).host;
      assert.equal(await status(path, { Origin: `http://${host}` }), 200);
      assert.equal(await status(path, { Origin: "https://example.com" }), 403);
      assert.equal(await status(path, { Host: "evil.example" }), 403);
      assert.equal(await status(path, { Host: "evil.example", Origin: "http://evil.example" }), 403);
      assert.equal(await status(path, { Host: "localhost:4100" }), 200);
      assert.equal(await status(path, { Host: "2248348660ad9bd4.api-eu.localhost:4100" }), 200);
    });
  }

  it("may not post what a form can post", async () => {
    const plain = await fetch(`${stage.emulator.url}/emulator/reset`, { method: "POST", body: "{}" });
    assert.equal(plain.status, 400);
  });
});

describe("settings", () => {
  it("describes, changes and resets", async () => {
    const { answer: settings } = await call<Settings>("GET", "settings");
    for (const { name, title, description, default: value, whatIsKnown } of settings.descriptors) {
      assert.ok(title && description && whatIsKnown, name);
      assert.equal(settings.values[name], value);
    }
    const changed = (await call<Settings>("PUT", "settings", { values: { rest500: 0.5, envelope: "new" }, rateLimit: { core: 5 }, seed: 9 })).answer;
    assert.deepEqual([changed.values["rest500"], changed.values["envelope"], changed.rateLimit, changed.seed], [0.5, "new", { core: 5, standard: 20_000 }, 9]);
    await call("POST", "reset", { settings: false });
    assert.equal((await call<Settings>("GET", "settings")).answer.seed, 9);
    await call("POST", "reset");
    assert.equal((await call<Settings>("GET", "settings")).answer.values["envelope"], "legacy");
  });

  const misshapen: [body: unknown, message: RegExp][] = [
    [{ restOutage: "maybe" }, /^The body is \{"values": \{NAME: VALUE, …\}\}.*; restOutage belongs under values\.$/],
    [{ restOutag: "500" }, /^The body is .*; not "restOutag"\.$/],
    [{}, /^The body is .*; not empty\.$/],
    [{ values: ["restOutage"] }, /^The body is .*; values and rateLimit are objects\.$/],
    [{ values: null }, /^The body is .*; values may not be null\.$/],
    [{ values: { restFaultsOn: ["sends", "nope"] } }, /^restFaultsOn takes sends, histories, others, separated by commas; not "nope"\.$/],
    [{ values: { restFaultsOn: [["sends"]] } }, /not \["sends"\]\.$/],
    [{ values: { restFaultsOn: null } }, /not null\.$/],
    [{ values: { restFaultsOn: {} } }, /not \{\}\.$/],
  ];
  for (const [body, message] of misshapen) {
    it(`says what is wrong with ${JSON.stringify(body)}, and changes nothing`, async () => {
      const before = (await call<Settings>("GET", "settings")).answer;
      const { status, answer } = await call<{ error: { message: string } }>("PUT", "settings", body);
      assert.equal(status, 400);
      assert.match(answer.error.message, message);
      assert.deepEqual((await call<Settings>("GET", "settings")).answer, before);
    });
  }

  it("takes a list as text or as its entries", async () => {
    for (const [value, expected] of [["sends, histories", "sends,histories"], [["sends", "histories"], "sends,histories"], ["", ""], [[], ""]] as const) {
      const { answer } = await call<Settings>("PUT", "settings", { values: { restFaultsOn: value } });
      assert.equal(answer.values["restFaultsOn"], expected);
    }
    await call("POST", "reset");
  });
});

describe("the inspector", () => {
  it("pages through exchanges, and filters them", async () => {
    const ids = ["a", "b", "c"].map((text) => stage.say(text).id);
    await stage.emulator.idle();
    await stage.rest("GET", "/users");
    const all = (await call<ExchangesPage>("GET", "exchanges?limit=3")).answer;
    assert.deepEqual([all.exchanges.length, all.exchanges.at(-1)?.kind], [3, "rest"]);
    const older = (await call<ExchangesPage>("GET", `exchanges?before=${all.before}`)).answer;
    assert.deepEqual(older.exchanges.map((exchange) => exchange.kind === "callback" && exchange.messageId), [ids[0]]);
    const one = (await call<ExchangesPage>("GET", `exchanges?messageId=${ids[1]}&kind=callback`)).answer.exchanges as CallbackExchange[];
    assert.equal(one.length, 1);
    assert.equal((one[0]?.request.body as { trigger: string }).trigger, "after_message");
    assert.equal(one[0]?.request.headers["authorization"], "Basic …");
  });
});

describe("events", () => {
  it("tells of messages, changes, exchanges, settings and resets", async () => {
    const leave = new AbortController();
    const stream = await fetch(`${stage.emulator.url}/emulator/events`, { signal: leave.signal });
    assert.equal(stream.headers.get("content-type"), "text/event-stream");
    let text = "";
    void (async () => {
      for await (const chunk of stream.body!.pipeThrough(new TextDecoderStream())) text += chunk;
    })().catch(() => {});
    const message = stage.say("hi");
    await stage.emulator.idle();
    await stage.rest("PUT", `/messages/${message.id}`, { data: { text: "ho" } });
    stage.emulator.set({ restSlowMs: 5 });
    stage.emulator.addUser({ uid: "new-user", name: "New" });
    stage.emulator.reset();
    const types = (): EmulatorEvent["type"][] => [...text.matchAll(/^event: (.*)$/gm)].map((match) => match[1] as EmulatorEvent["type"]);
    await eventually(() => assert.ok(types().includes("reset")), { within: 2000 });
    for (const type of ["message", "message-changed", "exchange", "settings", "world", "callback-health"] as const) assert.ok(types().includes(type), type);
    const data = [...text.matchAll(/^data: (.*)$/gm)].map((match) => JSON.parse(match[1]!) as EmulatorEvent);
    const first = data.find((event) => event.type === "message");
    assert.equal(first?.conversation.conversationId, message.conversationId);
    leave.abort();
  });
});

describe("fixtures", () => {
  it("records a conversation and replays it, as messages and as callbacks", async () => {
    const parent = stage.say("one");
    stage.emulator.send({ ...toBot, receiverType: "user", text: "two", parentId: parent.id });
    await stage.rest("POST", "/bots/demo_bot/messages", textTo("cometchat-uid-1", "answer"));
    await stage.emulator.idle();
    const { answer: fixture } = await call<Fixture>("POST", "fixtures", { conversationId: parent.conversationId, name: "greeting" });
    assert.deepEqual([fixture.name, fixture.callbacks.length, fixture.messages.length], ["greeting", 2, 3]);
    stage.emulator.reset();
    stage.bot.forget();
    const again = (await call<{ messageIds: string[] }>("POST", "replay", { fixture })).answer.messageIds;
    await stage.emulator.idle();
    assert.deepEqual(stage.bot.texts(), ["one", "two"]);
    assert.deepEqual(stage.bot.heard.map(({ body }) => body.data.id), again);
    assert.equal(stage.bot.heard[1]?.body.data.parentId, again[0]);
    stage.bot.forget();
    const same = (await call<{ messageIds: string[] }>("POST", "replay", { fixture, mode: "callbacks" })).answer.messageIds;
    assert.equal(same[0], parent.id);
    assert.deepEqual(stage.bot.heard.map(({ body }) => body), fixture.callbacks.map(({ body }) => body));
  });
});

describe("callbacks by hand", () => {
  it("posts any body with any headers", async () => {
    const { answer } = await call<CallbackExchange>("POST", "callbacks", { bot: "demo_bot", body: { trigger: "odd", data: { id: 7 } }, headers: { Authorization: "", "x-test": "1" } });
    assert.deepEqual([answer.outcome, answer.cause, answer.trigger, answer.messageId], ["answered", "raw", "odd", "7"]);
    assert.deepEqual([stage.bot.heard[0]?.headers["authorization"], stage.bot.heard[0]?.headers["x-test"]], [undefined, "1"]);
    const text = await stage.emulator.postCallback({ bot: "demo_bot", body: "\"text\"" });
    assert.equal(text.request.body, "text");
  });

  it("checks whether a bot can be reached", async () => {
    const { answer } = await call<{ state: string; status: number }>("POST", "callback-check", { bot: "demo_bot" });
    assert.deepEqual([answer.state, answer.status], ["reachable", 200]);
    await stage.rest("PUT", "/bots/demo_bot", { webhookURL: "http://127.0.0.1:1/" });
    const gone = (await call<{ state: string; problem: string }>("POST", "callback-check", { bot: "demo_bot" })).answer;
    assert.deepEqual([gone.state, /Nothing listens/.test(gone.problem)], ["unreachable", true]);
  });
});

describe("interactive messages", () => {
  it("call their own URL when they are used, as a person's device would", async () => {
    const endpoint = await Listener.start();
    const button = (elementId: string, action: object) => ({ elementType: "button", elementId, buttonText: "Go", action });
    const { body } = await stage.rest(
      "POST",
      "/bots/demo_bot/messages",
      {
        receiver: "cometchat-uid-1",
        receiverType: "user",
        category: "interactive",
        type: "card",
        data: {
          interactiveData: {
            text: "t",
            cardActions: [
              button("yes", { actionType: "apiAction", url: `${endpoint.url}/interactions`, method: "POST", payload: { ref: "abc" } }),
              button("more", { actionType: "urlNavigation", url: "https://example.com/" }),
            ],
          },
        },
      },
      { unchecked: true },
    );
    const use = (elementId: string) => call<{ open?: string; call?: { status: number } }>("POST", `messages/${body.data.id}/interactions`, { person: "cometchat-uid-1", elementId, values: { name: "Ann" } });
    assert.deepEqual((await use("yes")).answer.call, { status: 200 });
    assert.equal((await use("more")).answer.open, "https://example.com/");
    assert.equal((await use("nothing")).status, 400);
    const [heard] = endpoint.heard;
    assert.deepEqual([heard?.body.trigger, heard?.body.payload, heard?.body.CometChatData.interactedBy, heard?.body.CometChatData.name], ["ui_message_interacted", { ref: "abc" }, "cometchat-uid-1", "Ann"]);
    await endpoint.close();
  });
});

describe("the page", () => {
  it("is served with a strict policy, and nothing outside of it is", async () => {
    for (const path of ["/../world.ts", "/%2e%2e/world.ts", "/..%2fworld.ts", "/.git/config", "/page", "//etc/passwd.js"]) {
      const response = await fetch(`${stage.emulator.url}${path}`);
      assert.equal(response.status, 404, path);
      assert.match(response.headers.get("content-security-policy") ?? "", /default-src 'self'/);
      assert.equal(response.headers.get("x-content-type-options"), "nosniff");
    }
    assert.equal((await fetch(`${stage.emulator.url}/index.html`, { method: "POST" })).status, 405);
  });
});
