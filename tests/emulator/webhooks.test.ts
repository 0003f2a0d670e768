/** App-wide webhooks: which events there are, what is in them, and who gets them. */

import assert from "node:assert/strict";
import { after, before, beforeEach, describe, it } from "node:test";

import type { Heard, Scene } from "./support.ts";
import { Listener, scene, textTo } from "./support.ts";

let stage: Scene;
let hook: Listener;

before(async () => {
  stage = await scene();
  hook = await Listener.start();
});
beforeEach(async () => {
  await stage.emulator.idle();
  stage.emulator.reset();
  hook.forget();
  listenTo(["*"]);
});
after(async () => {
  await stage.close();
  await hook.close();
});

function listenTo(triggers: string[]): void {
  const webhook = { id: "wh1", webhookURL: `${hook.url}/hook`, useBasicAuth: true, username: "u", password: "p", triggers };
  stage.emulator.change({ webhooks: [webhook] });
}

async function events(): Promise<Heard["body"][]> {
  await stage.emulator.idle();
  return hook.heard.map(({ body }) => body);
}

describe("webhook events", () => {
  const actor = { onBehalfOf: "cometchat-uid-1" };
  const cases: [what: string, act: (id: string) => Promise<unknown>, triggers: string[]][] = [
    ["an edit", (id) => stage.rest("PUT", `/messages/${id}`, { data: { text: "new" } }), ["message_edited"]],
    ["a deletion", (id) => stage.rest("DELETE", `/messages/${id}`), ["message_deleted"]],
    ["a reaction", (id) => stage.rest("POST", `/messages/${id}/reactions/x`, undefined, actor), ["message_reaction_added"]],
    [
      "a reaction taken back",
      async (id) => {
        await stage.rest("POST", `/messages/${id}/reactions/x`, undefined, actor);
        await stage.rest("DELETE", `/messages/${id}/reactions/x`, undefined, actor);
      },
      ["message_reaction_added", "message_reaction_removed"],
    ],
    ["a member added", () => stage.rest("POST", "/groups/team-1/members", { participants: ["new-user"] }), ["group_member_added"]],
    ["a member who leaves", () => stage.rest("DELETE", "/groups/team-1/members/cometchat-uid-2", undefined, { onBehalfOf: "cometchat-uid-2" }), ["group_member_left"]],
    ["a member kicked", () => stage.rest("DELETE", "/groups/team-1/members/cometchat-uid-2"), ["group_member_kicked"]],
    ["a member banned", () => stage.rest("POST", "/groups/team-1/bannedusers/cometchat-uid-2"), ["group_member_banned"]],
    ["a changed scope", () => stage.rest("PUT", "/groups/team-1/members/cometchat-uid-2", { scope: "admin" }), ["group_member_scope_changed"]],
    ["a new group", () => stage.rest("POST", "/groups", { guid: "g", name: "G", type: "public" }), ["group_created"]],
    ["a changed group", () => stage.rest("PUT", "/groups/team-1", { name: "G" }), ["group_updated"]],
    ["a deleted group", () => stage.rest("DELETE", "/groups/team-1"), ["group_deleted"]],
    ["a block", () => stage.rest("POST", "/users/cometchat-uid-1/blockedusers", { blockedUids: ["cometchat-uid-2"] }), ["user_blocked"]],
    ["reading", () => stage.rest("POST", "/users/cometchat-uid-1/conversation/read", undefined, { onBehalfOf: "demo_bot" }), ["message_read_receipt"]],
  ];
  for (const [what, act, triggers] of cases) {
    it(`tells of ${what}`, async () => {
      stage.emulator.addUser({ uid: "new-user", name: "New" });
      const message = stage.say("hi");
      await act(message.id);
      assert.deepEqual((await events()).map(({ trigger }) => trigger), ["message_sent", ...triggers]);
    });
  }

  it("has the documented envelope, and Basic auth", async () => {
    const message = stage.say("hi");
    const [event] = await events();
    assert.deepEqual(Object.keys(event), ["trigger", "data", "appId", "region", "webhook"]);
    assert.deepEqual([event.webhook, event.data.message.id, event.data.message.data.text], ["wh1", message.id, "hi"]);
    assert.equal(hook.heard[0]?.headers.authorization, `Basic ${btoa("u:p")}`);
  });

  it("fires message_sent and user_mentioned for one message", async () => {
    const message = stage.say("<@uid:demo_bot> hi", "group");
    assert.deepEqual((await events()).map(({ trigger, data }) => [trigger, data.message.id]), [["message_sent", message.id], ["user_mentioned", message.id]]);
  });

  it("wraps edits in an action message, or shows the original, as webhookEdits says", async () => {
    const message = stage.say("old");
    await stage.rest("PUT", `/messages/${message.id}`, { data: { text: "one" } });
    stage.emulator.set({ webhookEdits: "original" });
    await stage.rest("PUT", `/messages/${message.id}`, { data: { text: "two" } });
    const [, wrapped, original] = await events();
    assert.deepEqual([wrapped.data.message.category, wrapped.data.message.data.entities.on.entity.data.text], ["action", "one"]);
    assert.deepEqual([original.data.message.id, original.data.message.data.text], [message.id, "two"]);
  });

  it("tells bots' messages and messages between people, but only of triggers that were asked for", async () => {
    listenTo(["message_sent"]);
    await stage.rest("POST", "/bots/demo_bot/messages", textTo("cometchat-uid-1", "a"));
    const between = stage.emulator.send({ sender: "cometchat-uid-1", receiver: "cometchat-uid-2", receiverType: "user", text: "b" });
    await stage.rest("DELETE", `/messages/${between.id}`);
    assert.deepEqual((await events()).map(({ data }) => data.message.data.text), ["a", "b"]);
  });

  it("refuses webhooks that are none", () => {
    for (const webhook of [{ id: "a b", webhookURL: hook.url, triggers: [] }, { id: "a", webhookURL: "x", triggers: [] }, { id: "a", webhookURL: hook.url, triggers: "*" }]) {
      assert.throws(() => stage.emulator.change({ webhooks: [webhook as never] }), /^Error: webhooks\.0\./);
    }
  });
});
