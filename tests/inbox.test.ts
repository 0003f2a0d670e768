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
