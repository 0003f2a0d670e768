/** Posting JSON to somebody's URL, with a deadline and kept-alive connections. */

import http from "node:http";
import https from "node:https";

/** How a request ended. */
export type PostResult =
  | { kind: "answered"; status: number; headers: http.IncomingHttpHeaders; body: string }
  | { kind: "timeout" }
  /** `problem` is one sentence for a person. */
  | { kind: "failed"; problem: string };

/** Longest body of an answer that is read. Nothing in it has a meaning for CometChat [D] S14. */
const MAX_ANSWER = 64 * 1024;

export class Postman {
  readonly #http = new http.Agent({ keepAlive: true, maxSockets: 256 });
  readonly #https = new https.Agent({ keepAlive: true, maxSockets: 256 });

  /** Never rejects. `ms` counts from the start to the last byte of the answer. */
  async request(method: string, url: string, headers: Record<string, string>, body: string, ms: number): Promise<PostResult> {
    const started = Date.now();
    const [result, stale] = await this.#once(method, url, headers, body, ms);
    // The other side may close a kept-alive connection just when it is used again: no failure of its own, so it gets a fresh one.
    return stale ? (await this.#once(method, url, headers, body, ms - (Date.now() - started)))[0] : result;
  }

  close(): void {
    this.#http.destroy();
    this.#https.destroy();
  }

  #once(method: string, url: string, headers: Record<string, string>, body: string, ms: number): Promise<[PostResult, stale: boolean]> {
    return new Promise((resolve) => {
      const secure = url.startsWith("https:");
      const { request } = secure ? https : http;
      const timer = setTimeout(() => {
        resolve([{ kind: "timeout" }, false]);
        outgoing.destroy();
      }, Math.max(1, ms));
      const end = (result: PostResult, stale = false) => {
        clearTimeout(timer);
        resolve([result, stale]);
      };
      const outgoing = request(url, { method, headers, agent: secure ? this.#https : this.#http }, (incoming) => {
        const chunks: Buffer[] = [];
        let size = 0;
        incoming.on("data", (chunk: Buffer) => {
          size += chunk.length;
          if (size <= MAX_ANSWER) chunks.push(chunk);
        });
        incoming.on("end", () => {
          const text = Buffer.concat(chunks).toString("utf8");
          end({ kind: "answered", status: incoming.statusCode ?? 0, headers: incoming.headers, body: text });
        });
        incoming.on("error", (error) => end({ kind: "failed", problem: describe(error, url) }));
      });
      outgoing.on("error", (error: NodeJS.ErrnoException) => {
        const stale = outgoing.reusedSocket && (error.code === "ECONNRESET" || error.code === "EPIPE");
        end({ kind: "failed", problem: describe(error, url) }, stale);
      });
      outgoing.end(body);
    });
  }
}

/** `Authorization: Basic …` [D] S8, S14. */
export function basicAuth(username: string, password: string): string {
  return `Basic ${Buffer.from(`${username}:${password}`).toString("base64")}`;
}

function describe(error: NodeJS.ErrnoException, url: string): string {
  const { host } = new URL(url);
  switch (error.code) {
    case "ECONNREFUSED":
      return `Nothing listens at ${host}: start the bot there, or give the bot another webhookURL.`;
    case "ENOTFOUND":
    case "EAI_AGAIN":
      return `The name ${host} cannot be resolved: check the bot's webhookURL.`;
    case "ECONNRESET":
    case "EPIPE":
      return `${host} closed the connection without an answer.`;
    default:
      return `The request to ${host} failed: ${error.code ?? error.message}.`;
  }
}
