/** Whatever is sent, the emulator answers with an error of its own form, never with a failure of its own. */

import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";

import { fraction } from "../../emulator/random.ts";
import { operations } from "./openapi.ts";
import type { Scene } from "./support.ts";
import { scene } from "./support.ts";

const SEED = 20;
const REQUESTS = 1500;

const WORDS = ["", "demo_bot", "DEMO_BOT", "cometchat-uid-1", "team-1", "1", "7", "-1", "1e9", "user", "group", "message", "custom", "action", "text", "true", "\u0000", "%2e%2e", "a b", "\u{1F3D2}", "__proto__", "constructor", "x".repeat(300)];
const KEYS = ["receiver", "receiverType", "category", "type", "data", "text", "metadata", "customData", "attachments", "muid", "tags", "parentId", "multipleReceivers", "uids", "guids", "uid", "name", "guid", "webhookURL", "enabled", "values", "seed", "rateLimit", "webhooks", "sender", "person", "bot", "body", "headers", "fixture", "callbacks", "messages", "mode", "conversationId", "unset", "scope", "participants", "admins", "blockedUids", "interactions", "elementId", "__proto__", "toString"];
const QUERY = ["limit", "perPage", "page", "id", "affix", "fromTimestamp", "toTimestamp", "sentAt", "categories", "types[]", "tags", "unread", "person", "receiver", "receiverType", "before", "conversationId", "messageId", "kind", "parentId"];
const OWN = ["GET state", "GET messages", "POST messages", "PUT messages/1", "DELETE messages/1", "POST messages/1/reactions/x", "POST messages/1/interactions", "POST read", "GET exchanges", "GET settings", "PUT settings", "POST fixtures", "POST replay", "POST callback-check", "POST callbacks"];

let stage: Scene;
before(async () => (stage = await scene({ settings: { callbackTimeout: 0.2 } })));
after(() => stage.close());

/** A generator of choices: the same ones in every run. */
function chooser(name: string): { pick: <Item>(items: readonly Item[]) => Item; below: (limit: number) => number } {
  let drawn = 0;
  const below = (limit: number) => Math.floor(fraction(SEED, name, (drawn += 1)) * limit);
  return { below, pick: (items) => items[below(items.length)]! };
}

function value({ pick, below }: ReturnType<typeof chooser>, depth: number): unknown {
  switch (below(depth > 3 ? 5 : 8)) {
    case 0:
      return null;
    case 1:
      return pick([0, 1, -1, 1.5, 1e300, 217_558_548]);
    case 2:
      return pick([true, false]);
    case 3:
    case 4:
      return pick(WORDS);
    case 5:
      return Array.from({ length: below(4) }, () => value({ pick, below }, depth + 1));
    default:
      return Object.fromEntries(Array.from({ length: below(8) }, () => [pick(KEYS), value({ pick, below }, depth + 1)]));
  }
}

describe("garbage", () => {
  it("is refused or taken, never failed on", async () => {
    const choose = chooser("garbage");
    const { pick, below } = choose;
    const rest = operations().map((operation) => operation.split(" ") as [string, string]);
    const statuses = new Map<number, number>();
    for (let index = 0; index < REQUESTS; index += 1) {
      const own = below(3) === 0;
      const [method, template] = own ? (pick(OWN).split(" ") as [string, string]) : pick(rest);
      const path = template.replace(/\{\w+\}/g, () => encodeURIComponent(pick(WORDS) || "x"));
      const query = Array.from({ length: below(4) }, () => `${pick(QUERY)}=${encodeURIComponent(pick(WORDS))}`).join("&");
      const base = own ? `${stage.emulator.url}/emulator/` : stage.emulator.apiUrl;
      const body = method === "GET" ? undefined : JSON.stringify(value(choose, 0));
      const response = await fetch(`${base}${path}?${query}`, {
        method,
        headers: { apikey: stage.emulator.apiKey, "Content-Type": "application/json", ...(below(2) === 0 && { onBehalfOf: pick(["demo_bot", "cometchat-uid-1", "nobody"]) }) },
        ...(body !== undefined && { body }),
      });
      const text = await response.text();
      assert.ok(response.status < 500, `${method} ${path}?${query} ${body}: ${response.status} ${text}`);
      JSON.parse(text);
      statuses.set(response.status, (statuses.get(response.status) ?? 0) + 1);
    }
    for (const status of [200, 400, 404]) assert.ok((statuses.get(status) ?? 0) > 20, `${status}: ${statuses.get(status)}`);
    assert.equal((await stage.rest("GET", "/users/cometchat-uid-2")).status < 500, true);
  });
});
