/** The inbox: each message once, whichever way and however often it comes, and none dropped for being late. */

import assert from "node:assert/strict";
import { after, before, test } from "node:test";

import { eventually } from "./eventually.ts";
import type { World } from "./harness.ts";
import { credentials, startWorld } from "./harness.ts";
import { afterMessage, message, messageSent } from "./payloads.ts";

let world: World;

before(async () => {
  world = await startWorld({ settings: { REST_AFTER_SECONDS: 1, EMPTY_AFTER_SECONDS: 600 }, canRestart: true });
});
after(() => world.close());

test("a mention that comes by three ways, each of them twice, is one message", async () => {
  const { emulator } = world;
  const webhookURL = `${world.worker.url}/callback/demo_bot`;
  emulator.change({
    values: { duplicateDelivery: "concurrent", callbackOrder: "concurrent" },
    webhooks: [{ id: "everything", webhookURL, useBasicAuth: true, ...credentials, triggers: ["message_sent", "user_mentioned"] }],
  });
  const text = "<@uid:demo_bot> are you there?";
  const { id } = emulator.send({ sender: "cometchat-uid-2", receiver: "team-1", receiverType: "group", text });
  const end = await world.ended(id);
  assert.deepEqual([end.outcome, end.replies], ["answered", 1]);
  await emulator.idle();

  const deliveries = emulator.deliveries({ messageId: id });
  assert.deepEqual(deliveries.map(({ trigger }) => trigger).sort(), [
    ...Array(2).fill("after_message"),
    ...Array(2).fill("message_sent"),
    ...Array(2).fill("user_mentioned"),
  ]);
  const answers = deliveries.map(({ response }) => (response?.body as { status: string }).status).sort();
  assert.deepEqual(answers, ["accepted", ...Array(5).fill("duplicate")]);
  assert.equal(world.said({ group: "team-1" }).length, 1);
  // The webhook also tells of the reply, which is the bot's own message.
  const { counts } = await world.view("demo_bot:group:team-1");
  assert.deepEqual(counts, { received: 2, answered: 1, ignored: 1, handedOver: 0, dead: 0 });
  emulator.change({ values: { duplicateDelivery: "none", callbackOrder: "inOrder" }, webhooks: [] });
});

test("a message that an app-wide webhook has brought for nobody is answered when the bot's own callback brings it, once", async () => {
  const to = { group: "wires" };
  world.emulator.addGroup({ guid: "wires", name: "Wires", owner: "cometchat-uid-1", members: { "cometchat-uid-1": "admin", rehearsal_bot: "participant" } });
  const conversation = "rehearsal_bot:group:wires";
  const post = async (body: unknown) => (await world.post(body, { bot: "rehearsal_bot" })).body;
  const said = message({ to, text: "hello" });
  const byWebhook = messageSent({}, { data: { message: said } });
  const byCallback = afterMessage({}, { data: said, bot: "rehearsal_bot" });
  const counts = { received: 1, answered: 0, ignored: 0, handedOver: 0, dead: 0 };

  assert.deepEqual(await post(byWebhook), { status: "ignored", reason: "not_addressed" });
  assert.deepEqual(await post(byWebhook), { status: "duplicate" });
  assert.deepEqual((await world.view(conversation)).counts, { ...counts, ignored: 1 });
  const answers = await Promise.all(Array.from({ length: 4 }, () => post(byCallback)));
  assert.deepEqual(answers.map(({ status }) => status).sort(), ["accepted", ...Array(3).fill("duplicate")]);
  await eventually(async () => assert.deepEqual((await world.view(conversation)).counts, { ...counts, answered: 1 }));
  assert.deepEqual(world.said(to, "rehearsal_bot"), ["1: hello"]);
  for (const body of [byWebhook, byCallback]) assert.deepEqual(await post(body), { status: "duplicate" });

  const next = message({ to, text: "hello" });
  assert.deepEqual(await post(afterMessage({}, { data: next, bot: "rehearsal_bot" })), { status: "accepted" });
  assert.deepEqual(await post(messageSent({}, { data: { message: next } })), { status: "duplicate" });
  assert.deepEqual([(await world.ended(next.id)).outcome, (await world.ended(next.id)).replies], ["answered", 1]);
  const { inFlight, ...view } = await world.view(conversation);
  assert.deepEqual([view.counts, inFlight], [{ ...counts, received: 2, answered: 2 }, 0]);
  assert.deepEqual(world.said(to, "rehearsal_bot"), ["1: hello", "2: hello"]);
});

test("what a rule puts aside on either wire stays aside on the other", async () => {
  const to = { group: "team-1" };
  for (const [fields, reason] of [
    [{ sender: "app_system" }, "system"],
    [{ sender: "rehearsal_bot" }, "other_bot"],
    [{ category: "action", type: "groupMember" }, "action"],
  ] as const) {
    const said = message({ to, ...fields });
    assert.deepEqual((await world.post(messageSent({}, { data: { message: said } }))).body, { status: "ignored", reason });
    assert.deepEqual((await world.post(afterMessage({}, { data: said }))).body, { status: "duplicate" });
  }
});

test("of a message that comes ten times at once, one is taken", async () => {
  const said = message({ sender: "cometchat-uid-1" });
  const bodies = [afterMessage({}, { data: said }), messageSent({}, { data: { message: said } })];
  const answers = await Promise.all(Array.from({ length: 10 }, (_, n) => world.post(bodies[n % 2])));
  assert.deepEqual(answers.map(({ status }) => status), Array(10).fill(200));
  assert.deepEqual(answers.map(({ body }) => body.status).sort(), ["accepted", ...Array(9).fill("duplicate")]);
  assert.equal((await world.ended(said.id)).outcome, "answered");
  assert.equal(world.said({ user: "cometchat-uid-1" }).length, 1);
});

test("a message with a smaller id than the one before is not an old one", async () => {
  const ids = ["500000", "499999", "500001", "7", "b-1", "a-1"];
  for (const id of ids) await world.rehearse(`this is ${id}`, "cometchat-uid-2", { id });
  for (const id of ids) assert.equal((await world.ended(id)).outcome, "answered");
  assert.deepEqual(
    world.said({ user: "cometchat-uid-2" }, "rehearsal_bot"),
    ids.map((id, n) => `${n + 1}: this is ${id}`),
  );
  for (const id of ids) assert.equal(await again(id, "cometchat-uid-2"), "duplicate");
});

test("a message is known for as long as the object lives: at rest, dead, or started again", async () => {
  const id = await world.rehearse("hello", "cometchat-uid-3");
  const dead = await world.rehearse("fill 2000000", "cometchat-uid-3");
  assert.equal((await world.ended(id)).outcome, "answered");
  assert.equal((await world.ended(dead)).outcome, "dead");
  const kv = await world.kv();
  await eventually(async () => assert.ok(await kv.get("conversation:rehearsal_bot:user:cometchat-uid-3"), "It does not rest."));
  for (const known of [id, dead]) assert.equal(await again(known, "cometchat-uid-3"), "duplicate", "at rest");

  await world.kill();
  await world.restart();
  for (const known of [id, dead]) assert.equal(await again(known, "cometchat-uid-3"), "duplicate", "after a restart");
  assert.deepEqual(world.said({ user: "cometchat-uid-3" }, "rehearsal_bot"), ["1: hello"]);
  const { counts } = await world.view("rehearsal_bot:user:cometchat-uid-3");
  assert.deepEqual(counts, { received: 2, answered: 1, ignored: 0, handedOver: 0, dead: 1 });
});

/** What is answered to a message of this id. */
async function again(id: string, sender: string): Promise<string> {
  const body = afterMessage({ id, sender, to: { user: "rehearsal_bot" } }, { bot: "rehearsal_bot" });
  return (await world.post(body, { bot: "rehearsal_bot" })).body.status;
}
