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
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import type { Emulator, Message, RestExchange } from "../emulator/index.ts";
import { startEmulator } from "../emulator/index.ts";
import { local } from "../scripts/lib/local.mjs";
import { eventually } from "./eventually.ts";
import type { Answer, Sent } from "./http.ts";
import { send } from "./http.ts";
import type { Rows } from "./objects.ts";
import { plantRows, rowsOf } from "./objects.ts";
import type { Said } from "./payloads.ts";
import { afterMessage } from "./payloads.ts";
import type { Kv, Settings, WorkerOptions } from "./worker.ts";
import { Worker } from "./worker.ts";

export interface WorldOptions {
  /** Variables and secrets in place of those of wrangler.toml and `npm start`; `undefined` leaves one out. */
  settings?: Settings;
  /** Whether `kill` and `restart` can be called: objects and KV lie on disk then. */
  canRestart?: boolean;
  /** See `WorkerOptions`. */
  build?: string;
  wrapper?: string;
  without?: readonly string[];
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
  tookMs: number;
}

/** A conversation as the operator's route shows it (src/conversation/view.rs). */
export interface View {
  conversation: string;
  conversationId: string | null;
  counts: { received: number; answered: number; ignored: number; handedOver: number; dead: number };
  inFlight: number;
  /** Messages that wait for their turn. */
  inbox: number;
  /** Replies that wait to be confirmed, and how many of them newer ones go before. */
  outbox: number;
  apart: number;
  letters: number;
  waitsFor?: string;
  /** Rows that cannot be read, and rows of a newer version. */
  setAside: number;
  newer: number;
  generation: number;
  archived: number;
}

/** A dead letter as it is listed. */
export interface Letter {
  /** Of a letter under a key of before: the bot alone. */
  conversation: string;
  messageId: string;
  kind: "turn" | "reply";
  reason: string;
  attempts: number;
  diedAt: number;
}

export const credentials = { username: local.callbackUsername, password: local.callbackPassword };

/** The HTTP header for these credentials. */
export function basic({ username, password } = credentials): string {
  return `Basic ${Buffer.from(`${username}:${password}`).toString("base64")}`;
}

export async function startWorld({ settings = {}, canRestart = false, ...options }: WorldOptions = {}): Promise<World> {
  const emulator = await startEmulator({
    // Far from the ids in the fixtures.
    firstMessageId: 1_000_000,
    world: { users: people.map((name, n) => ({ uid: `cometchat-uid-${n + 1}`, name })), bots: [], groups: [] },
  });
  const setup: WorkerOptions = {
    apiUrl: emulator.apiUrl,
    settings: { BOTS: { demo_bot: "assistant", rehearsal_bot: "rehearsal" }, ...settings },
    ...options,
    ...(canRestart && { storage: mkdtempSync(join(tmpdir(), "halley-")) }),
  };
  const worker = await Worker.start(setup);
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
  return new World(emulator, worker, setup);
}

const people = ["Andrew Joseph", "George Alan", "Nancy Grace", "Susan Marie", "John Paul"];

export class World {
  readonly emulator: Emulator;
  worker: Worker;
  readonly #setup: WorkerOptions;
  #logBefore = "";

  constructor(emulator: Emulator, worker: Worker, setup: WorkerOptions) {
    this.emulator = emulator;
    this.worker = worker;
    this.#setup = setup;
  }

  /** Everything the worker has logged so far, before a restart too. */
  get log(): string {
    return this.#logBefore + this.worker.log;
  }

  /** `kill -9` of workerd: nothing is told, nothing is finished. Until `restart` nobody answers. */
  async kill(): Promise<void> {
    assert.ok(this.#setup.storage, "Only a world that can restart can be killed.");
    // Miniflare sends SIGKILL, and starts a workerd that others have killed again by itself, which would hide the outage.
    await this.worker.stop();
    await assert.rejects(this.request("/health"), { code: "ECONNREFUSED" });
  }

  /** Starts the worker again at the same URL and on the same storage, with other settings where some are given. */
  async restart(settings: Settings = {}): Promise<void> {
    this.#logBefore = this.log;
    this.worker = await Worker.start({
      ...this.#setup,
      settings: { ...this.#setup.settings, ...settings },
      port: Number(new URL(this.worker.url).port),
    });
  }

  kv(): Promise<Kv> {
    return this.worker.kv();
  }

  /** What the object of a conversation has stored. */
  rows(conversation: string): Rows {
    return rowsOf(this.#objects(), conversation);
  }

  /** Stores other rows in the object of a conversation, and wakes it up then, or at the next start. The worker must have been killed. */
  plant(conversation: string, rows: Rows, wakeAt = Date.now()): void {
    plantRows(this.#objects(), conversation, rows, wakeAt);
  }

  #objects(): string {
    return join(this.#setup.storage ?? assert.fail("Only a world that can restart has its objects on disk."), "objects");
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

  /** A request to one of the operator's routes, below `/admin`, by the operator. */
  admin(path: string, method = "GET"): Promise<Answer> {
    return this.request(`/admin${path}`, { method, headers: { Authorization: `Bearer ${local.adminToken}` } });
  }

  /** The dead letter about a message, once it is listed: in this conversation, and of a later death than `after`, where those are given. */
  letter(messageId: string, { conversation, after = 0 }: { conversation?: string; after?: number } = {}): Promise<Letter> {
    return eventually(async () => {
      const letters = (await this.admin("/dead?limit=1000")).body.items as Letter[];
      const isIt = (letter: Letter) =>
        letter.messageId === messageId && letter.diedAt > after && (conversation ?? letter.conversation) === letter.conversation;
      return letters.find(isIt) ?? assert.fail(`There is no dead letter about message ${messageId}: ${JSON.stringify(letters)}`);
    });
  }

  /** What an operator is answered who has a dead message tried again. */
  async replay(conversation: string, messageId: string): Promise<[status: number, what: string]> {
    const { status, body } = await this.admin(`/dead/${conversation.replaceAll(":", "/")}/${messageId}/replay`, "POST");
    return [status, body.status ?? body.error.code];
  }

  /** A call of CometChat's REST API that is not the worker's. */
  async rest(method: string, path: string, body: unknown, onBehalfOf?: string): Promise<void> {
    const headers = { apikey: this.emulator.apiKey, "Content-Type": "application/json", ...(onBehalfOf !== undefined && { onBehalfOf }) };
    const answer = await send(this.emulator.apiUrl + path, { method, headers, body: JSON.stringify(body) });
    assert.equal(answer.status, 200, JSON.stringify(answer.body));
  }

  /** What the operator sees of a conversation, after a check that every message in it is accounted for. */
  async view(conversation: string): Promise<View> {
    const { status, body } = await this.admin(`/conversations/${conversation.replaceAll(":", "/")}`);
    assert.equal(status, 200, JSON.stringify(body));
    const { received, answered, ignored, handedOver, dead } = body.counts;
    assert.equal(received, answered + ignored + handedOver + dead + body.inFlight, JSON.stringify(body));
    return body as View;
  }

  /** Says something to the bot that does what it is told, by a callback. Resolves to the id of the message. */
  async rehearse(text: string, sender: string, said: Said = {}): Promise<string> {
    const body = afterMessage({ sender, to: { user: "rehearsal_bot" }, text, ...said }, { bot: "rehearsal_bot" });
    const answer = await this.post(body, { bot: "rehearsal_bot" });
    assert.deepEqual([answer.status, answer.body], [200, { status: "accepted" }]);
    return String(body.data.id);
  }

  /** The replies to a message that the worker has sent, and the histories of that conversation that it has read since. */
  calls(messageId: string): { sends: RestExchange[]; looks: RestExchange[] } {
    const calls = this.emulator.restCalls();
    const isAbout = ({ request }: RestExchange) => JSON.stringify(request.body).includes(`-${messageId}-answer-`);
    const sends = calls.filter((call) => call.operation === "sendBotMessage" && isAbout(call));
    const asked = sends.map(({ request }) => request.body as { receiver: string; receiverType: string });
    const isHistory = ({ method, path, at }: RestExchange) =>
      method === "GET" &&
      asked.some(({ receiver, receiverType }) => path.startsWith(`/${receiverType}s/${receiver}/messages?`)) &&
      at >= (sends[0]?.at ?? 0);
    const looks = calls.filter(isHistory);
    return { sends, looks };
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
  ended(messageId: string | number, wait: { within?: number } = {}): Promise<End> {
    return eventually(() => {
      const ends = this.ends().filter((end) => end.messageId === String(messageId));
      assert.equal(ends.length, 1, `The log has ${ends.length} lines about the end of message ${messageId}:\n${this.log}`);
      return ends[0] as End;
    }, wait);
  }

  /** How every message so far has ended, in the order in which they did. */
  ends(): End[] {
    return this.lines("message") as unknown as End[];
  }

  /** What the worker has logged of an event, in that order. */
  lines(event: string): Record<string, unknown>[] {
    return this.log
      .split("\n")
      .filter((line) => line.startsWith(`{"event":"${event}"`))
      .map((line) => JSON.parse(line) as Record<string, unknown>);
  }

  /** Waits until a fault of the emulator has struck as many calls as that. */
  struck(fault: string, times = 1): Promise<void> {
    return eventually(() => {
      const struck = this.emulator.restCalls().filter((call) => call.fault === fault).length;
      assert.ok(struck >= times, `${fault} has struck ${struck} times.`);
    });
  }

  /**
   * Stops everything, and checks that the worker has not panicked, unless the test has made it do so.
   *
   * @throws AssertionError with the log in it
   */
  async close({ mayPanic = false } = {}): Promise<void> {
    await this.worker.stop();
    await this.emulator.close();
    if (this.#setup.storage) rmSync(this.#setup.storage, { recursive: true, force: true });
    if (!mayPanic) assert.equal(panicsIn(this.log), 0, `The worker has panicked:\n${this.log}`);
  }
}

/** How many panics a log reports. One panic is one line; were it reported twice, it would count as two. */
export function panicsIn(log: string): number {
  return log.split("\n").filter((line) => line.includes("Rust panic") || line.includes("panicked at")).length;
}
