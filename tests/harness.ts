/**
 * A whole world for an end-to-end test: the built worker in workerd, an emulator of CometChat, and the wires between.
 *
 * ```ts
 * const world = await startWorld({ settings: { REST_AFTER_SECONDS: 1 } });
 * after(() => world.close());
 * ```
 *
 * Two bots serve in it: `demo_bot`, which is what a deployer starts from, and `rehearsal_bot`, which does what it is
 * told (src/bots/rehearsal.rs). `demo_bot` is in the group `team-1`, and hears all of it.
 */

import assert from "node:assert/strict";

import type { Emulator, Message } from "../emulator/index.ts";
import { startEmulator } from "../emulator/index.ts";
import { local } from "../scripts/lib/local.mjs";
import { eventually } from "./eventually.ts";
import type { Answer, Sent } from "./http.ts";
import { send } from "./http.ts";
import type { Kv, Settings } from "./worker.ts";
import { Worker } from "./worker.ts";

export interface WorldOptions {
  /** Variables and secrets in place of those of wrangler.toml and `npm start`; `undefined` leaves one out. */
  settings?: Settings;
}

/** How a callback is posted. Everything has the value that CometChat would use. */
export interface Posting {
  /** In the path. Default `demo_bot`. */
  bot?: string;
  /** `null` presents none. */
  credentials?: { username: string; password: string } | null;
  /** Default `application/json`. */
  contentType?: string;
}

/** The worker's log line about a message that has ended (src/conversation/journal.rs). */
export interface End {
  conversation: string;
  messageId: string;
  kind: string;
  outcome: "answered" | "ignored" | "handed_over" | "dead";
  reason: string | null;
  attempts: number;
  replies: number;
}

export const credentials = { username: local.callbackUsername, password: local.callbackPassword };

/** The HTTP header for these credentials. */
export function basic({ username, password } = credentials): string {
  return `Basic ${Buffer.from(`${username}:${password}`).toString("base64")}`;
}

export async function startWorld({ settings = {} }: WorldOptions = {}): Promise<World> {
  const emulator = await startEmulator({
    // Far from the ids in the fixtures.
    firstMessageId: 1_000_000,
    world: { users: people.map((name, n) => ({ uid: `cometchat-uid-${n + 1}`, name })), bots: [], groups: [] },
  });
  const worker = await Worker.start({
    apiUrl: emulator.apiUrl,
    settings: { BOTS: { demo_bot: "assistant", rehearsal_bot: "rehearsal" }, ...settings },
  });
  for (const uid of ["demo_bot", "rehearsal_bot"]) {
    emulator.addBot({
      uid,
      webhookURL: `${worker.url}/callback/${uid}`,
      groupChatSetting: "allMessages",
      useBasicAuth: true,
      ...credentials,
      enabled: true,
    });
  }
  emulator.addGroup({
    guid: "team-1",
    name: "Team",
    owner: "cometchat-uid-1",
    members: {
      "cometchat-uid-1": "admin",
      "cometchat-uid-2": "participant",
      demo_bot: "participant",
    },
  });
  return new World(emulator, worker);
}

const people = ["Andrew Joseph", "George Alan", "Nancy Grace", "Susan Marie"];

export class World {
  readonly emulator: Emulator;
  readonly worker: Worker;

  constructor(emulator: Emulator, worker: Worker) {
    this.emulator = emulator;
    this.worker = worker;
  }

  /** Everything the worker has logged so far. */
  get log(): string {
    return this.worker.log;
  }

  kv(): Promise<Kv> {
    return this.worker.kv();
  }

  /** Any request to the worker. */
  request(path: string, sent?: Sent): Promise<Answer> {
    return send(this.worker.url + path, sent);
  }

  /** Posts a callback as CometChat would. A string or bytes go out as they are, anything else as JSON. */
  post(body: unknown, posting: Posting = {}): Promise<Answer> {
    const { bot = "demo_bot", credentials: presented = credentials, contentType = "application/json" } = posting;
    return this.request(`/callback/${bot}`, {
      method: "POST",
      headers: { "Content-Type": contentType, ...(presented && { Authorization: basic(presented) }) },
      body: typeof body === "string" || body instanceof Uint8Array ? body : JSON.stringify(body),
    });
  }

  /** A person writes to a bot in a 1:1 chat; the callback follows by itself. Resolves to the bot's next message there. */
  async ask(text: string, { from = "cometchat-uid-1", bot = "demo_bot" } = {}): Promise<Message> {
    const question = this.emulator.send({ sender: from, receiver: bot, receiverType: "user", text });
    return this.emulator.waitForMessage((message) => message.sender === bot && message.receiver === from, {
      after: question.id,
      timeout: 10_000,
    });
  }

  /** Texts of what a bot has said to a person or a group so far, the oldest first. */
  said(to: { user: string } | { group: string }, bot = "demo_bot"): unknown[] {
    const [receiver, receiverType] = "user" in to ? [to.user, "user" as const] : [to.group, "group" as const];
    return this.emulator
      .messages({ person: bot, receiver, receiverType, limit: 500 })
      .filter(({ sender }) => sender === bot)
      .map(({ data }) => data?.["text"]);
  }

  /** How a message has ended, from the line that the worker logs about it: waits for that line. */
  ended(messageId: string | number): Promise<End> {
    return eventually(() => {
      const ends = this.ends().filter((end) => end.messageId === String(messageId));
      assert.equal(ends.length, 1, `The log has ${ends.length} lines about the end of message ${messageId}:\n${this.log}`);
      return ends[0] as End;
    });
  }

  /** How every message so far has ended, in the order in which they did. */
  ends(): End[] {
    return this.log
      .split("\n")
      .filter((line) => line.startsWith('{"') && line.includes('"event":"message"'))
      .map((line) => JSON.parse(line) as End);
  }

  /**
   * Stops everything, and checks that the worker has not panicked, unless the test has made it do so.
   *
   * @throws AssertionError with the log in it
   */
  async close({ mayPanic = false } = {}): Promise<void> {
    await this.worker.stop();
    await this.emulator.close();
    if (!mayPanic) assert.equal(panicsIn(this.log), 0, `The worker has panicked:\n${this.log}`);
  }
}

/** How many panics a log reports. One panic is one line; were it reported twice, it would count as two. */
export function panicsIn(log: string): number {
  return log.split("\n").filter((line) => line.includes("Rust panic") || line.includes("panicked at")).length;
}
