/** Callbacks as CometChat posts them, so many at a time, to a worker that answers into a sink. */

import { readFileSync } from "node:fs";
import { Agent, request } from "node:http";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";

import { local } from "../../scripts/lib/local.mjs";
import { root } from "../../scripts/lib/paths.mjs";
import type { Asked, Reading } from "./sink.ts";
import { BOT, Sink } from "./sink.ts";

/** How long the last replies may take once the last callback has been acknowledged. */
const DRAIN_MS = 120_000;

/** When nothing has come for so long, nothing comes any more: for those who may leave a message unanswered. */
const SILENCE_MS = 15_000;

/** What the bot is to be told: by default it echoes, with the number of its turn. */
export interface Line {
  peer: string;
  /** Default: `hello`, and a number that no other message has. */
  text?: string;
  /** How many replies it gets. Default 1. */
  wants?: number;
}

const credentials = `Basic ${Buffer.from(`${local.callbackUsername}:${local.callbackPassword}`).toString("base64")}`;

/** CometChat's documented sample, of which everything is kept that is not of one message. */
const sample = JSON.parse(readFileSync(join(root, "tests/fixtures/bot-callback-sample.json"), "utf8"));

export class Load {
  readonly sink: Sink;
  readonly #agent: Agent;
  readonly #atOnce: number;
  #url = "";
  #newest = 1000;
  /** The message of a conversation whose replies do not say what they answer. */
  readonly #latest = new Map<string, string>();
  readonly asked: Asked[] = [];

  private constructor(sink: Sink, atOnce: number) {
    this.sink = sink;
    this.#atOnce = atOnce;
    this.#agent = new Agent({ keepAlive: true, maxSockets: atOnce });
  }

  static async prepare(atOnce: number): Promise<Load> {
    const sink: Sink = await Sink.start((peer, text) => load.#read(peer, text));
    const load: Load = new Load(sink, atOnce);
    return load;
  }

  /** Where callbacks go from now on. */
  aim(url: string): void {
    this.#url = `${url}/callback/${BOT}`;
  }

  /** Posts them in this order, so many at a time, and resolves when the last is acknowledged. */
  async post(lines: readonly Line[], onProgress?: (done: number) => void): Promise<Asked[]> {
    const all: Asked[] = [];
    let next = 0;
    let done = 0;
    const person = async () => {
      for (let line = lines[next++]; line !== undefined; line = lines[next++]) {
        all.push(await this.#post(line));
        onProgress?.((done += 1));
      }
    };
    await Promise.all(Array.from({ length: Math.min(this.#atOnce, lines.length) }, person));
    return all;
  }

  /** Resolves when every reply has come; where some may be missing, also when no more come. */
  async replies(mayBeMissing = false): Promise<void> {
    const began = performance.now();
    let changedAt = began;
    for (let missing = this.sink.missing; missing > 0; missing = this.sink.missing) {
      await sleep(20);
      const now = performance.now();
      if (this.sink.missing < missing) changedAt = now;
      if (mayBeMissing && now - changedAt > SILENCE_MS) break;
      if (now - began > DRAIN_MS) throw new Error(`${missing} replies are missing.${this.#words()}`);
    }
    if (this.sink.strangers.length > 0) throw new Error(`The REST API has got what nobody had asked for.${this.#words()}`);
  }

  close(): void {
    this.#agent.destroy();
    this.sink.close();
  }

  #words(): string {
    return this.sink.strangers.slice(0, 5).map((stranger) => `\n  ${stranger}`).join("");
  }

  #read(peer: string, text: string): Reading {
    const echo = /^(\d+): (hello \d+)$/.exec(text);
    if (echo) return { key: echo[2]!, turn: Number(echo[1]) };
    return { key: this.#latest.get(peer) ?? "" };
  }

  async #post({ peer, text, wants = 1 }: Line): Promise<Asked> {
    const id = String((this.#newest += 1));
    const asked: Asked = { id, peer, text: text ?? `hello ${id}`, wants, postedAt: performance.now(), replies: 0 };
    this.asked.push(asked);
    if (text !== undefined) this.#latest.set(peer, id);
    this.sink.expect(text === undefined ? asked.text : id, asked);
    const { status, body } = await this.#request(callback(asked));
    if (status !== 200) throw new Error(`A callback was answered with ${status}: ${body}`);
    asked.acknowledgedAt = performance.now();
    return asked;
  }

  #request(body: string): Promise<{ status: number; body: string }> {
    return new Promise((resolve, reject) => {
      const headers = { "Content-Type": "application/json", "Content-Length": Buffer.byteLength(body), Authorization: credentials };
      const sent = request(this.#url, { method: "POST", agent: this.#agent, headers }, (response) => {
        let text = "";
        response.setEncoding("utf8").on("data", (part: string) => (text += part));
        response.on("end", () => resolve({ status: response.statusCode ?? 0, body: text }));
      });
      sent.once("error", reject);
      sent.end(body);
    });
  }
}

function callback({ id, peer, text }: Asked): string {
  const conversationId = `${BOT}_user_${peer}`;
  const { entities, ...inner } = sample.data.data;
  const person = (entity: object, uid: string) => ({ entity: { ...entity, uid }, entityType: "user" });
  const sentAt = Math.floor(Date.now() / 1000);
  const data = {
    ...sample.data,
    ...{ id, conversationId, sender: peer, receiver: BOT, sentAt, updatedAt: sentAt },
    data: { ...inner, text, entities: { sender: person(entities.sender.entity, peer), receiver: person(entities.receiver.entity, BOT) } },
  };
  return JSON.stringify({ ...sample, data, appId: local.appId, region: local.region, bot: BOT });
}
