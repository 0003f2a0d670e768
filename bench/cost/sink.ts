/** The REST API, as little of it as a reply needs: takes every reply, and knows whose it is. */

import type { IncomingMessage, Server, ServerResponse } from "node:http";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";

import { local } from "../../scripts/lib/local.mjs";

export const BOT = "bench_bot";

/** One message that a person has written, and what came of it. Times are of `performance.now()`. */
export interface Asked {
  id: string;
  peer: string;
  text: string;
  /** How many replies it asks for. */
  wants: number;
  postedAt: number;
  acknowledgedAt?: number;
  /** Of the last of its replies. */
  repliedAt?: number;
  replies: number;
  /** Which message of its conversation the bot has taken it for. */
  turn?: number;
}

/** What makes a reply out of a text: the one that is answered, and which turn it is. */
export interface Reading {
  key: string;
  turn?: number;
}

export class Sink {
  /** Base URL of the API. */
  readonly url: string;
  readonly #server: Server;
  readonly #read: (peer: string, text: string) => Reading;
  readonly #asked = new Map<string, Asked>();
  #open = 0;
  /** What should not have come, in words. */
  readonly strangers: string[] = [];
  #sent = 0;

  private constructor(server: Server, read: (peer: string, text: string) => Reading) {
    this.#server = server;
    this.#read = read;
    this.url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/v3`;
    server.on("request", (request, response) => this.#serve(request, response));
  }

  /** @param read which message a reply answers */
  static async start(read: (peer: string, text: string) => Reading): Promise<Sink> {
    const server = createServer();
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    return new Sink(server, read);
  }

  /** Replies to it are expected from now on. */
  expect(key: string, asked: Asked): void {
    this.#asked.set(key, asked);
    this.#open += asked.wants;
  }

  /** How many replies have not come yet. */
  get missing(): number {
    return this.#open;
  }

  close(): void {
    this.#server.closeAllConnections();
    this.#server.close();
  }

  #serve(request: IncomingMessage, response: ServerResponse): void {
    const parts: Buffer[] = [];
    request.on("data", (part: Buffer) => parts.push(part));
    request.on("end", () => {
      if (request.method === "GET") return this.#answer(response, 200, { data: [], meta: {} });
      const isSend = request.method === "POST" && request.url === `/v3/bots/${BOT}/messages`;
      if (!isSend || request.headers["apikey"] !== local.apiKey) {
        this.strangers.push(`${request.method} ${request.url}`);
        return this.#answer(response, 400, { error: { code: "ERR_BAD_REQUEST", message: "" } });
      }
      const body = JSON.parse(Buffer.concat(parts).toString()) as { receiver: string; receiverType: string; data: { text: string } };
      this.#take(body);
      this.#sent += 1;
      const { receiver, receiverType, data } = body;
      const sentAt = Math.floor(Date.now() / 1000);
      this.#answer(response, 200, { data: { id: String(this.#sent), sender: BOT, receiver, receiverType, category: "message", type: "text", data, sentAt } });
    });
  }

  #take({ receiver, receiverType, data: { text } }: { receiver: string; receiverType: string; data: { text: string } }): void {
    const { key, turn } = this.#read(receiver, text);
    const asked = this.#asked.get(key);
    if (asked === undefined || asked.peer !== receiver || receiverType !== "user") {
      this.strangers.push(`to ${receiverType} ${receiver}: ${text.slice(0, 80)}`);
      return;
    }
    asked.replies += 1;
    if (asked.replies <= asked.wants) this.#open -= 1;
    asked.repliedAt = performance.now();
    if (turn !== undefined) asked.turn = turn;
  }

  #answer(response: ServerResponse, status: number, body: object): void {
    const text = JSON.stringify(body);
    response.writeHead(status, { "Content-Type": "application/json", "Content-Length": Buffer.byteLength(text) }).end(text);
  }
}
