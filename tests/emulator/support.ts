/** What the emulator's tests share: a REST client that checks against the OpenAPI files, and a bot that listens. */

import assert from "node:assert/strict";
import type { IncomingHttpHeaders, Server } from "node:http";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";

import type { EmulatorOptions, Emulator } from "../../emulator/index.ts";
import { startEmulator } from "../../emulator/index.ts";
import { errorProblems, problems } from "./openapi.ts";

/** An answer of the REST API. */
export interface RestAnswer {
  status: number;
  headers: Headers;
  // Tests look into answers by name; what is there is what they assert.
  body: any;
  code: string | undefined;
}

export interface RestOptions {
  onBehalfOf?: string;
  /** Left out when empty. */
  apiKey?: string;
  headers?: Record<string, string>;
  /** For requests that are wrong on purpose. */
  unchecked?: true;
}

/** Calls the REST API; fails when an answer does not fit CometChat's OpenAPI files. */
export type Rest = (method: string, path: string, body?: unknown, options?: RestOptions) => Promise<RestAnswer>;

export function restOf(emulator: Pick<Emulator, "apiUrl" | "apiKey">): Rest {
  return async (method, path, body, options = {}) => {
    const { onBehalfOf, apiKey = emulator.apiKey } = options;
    const response = await fetch(`${emulator.apiUrl}${path}`, {
      method,
      headers: {
        Accept: "application/json",
        ...(body !== undefined && { "Content-Type": "application/json" }),
        ...(apiKey !== "" && { apikey: apiKey }),
        ...(onBehalfOf !== undefined && { onBehalfOf }),
        ...options.headers,
      },
      ...(body !== undefined && { body: typeof body === "string" ? body : JSON.stringify(body) }),
    });
    const text = await response.text();
    const answer = text.startsWith("{") ? JSON.parse(text) : text;
    if (response.status === 200) {
      assert.deepEqual(problems(method, path, options.unchecked ? undefined : body, answer), [], `${method} ${path}`);
    } else if (typeof answer === "object") {
      assert.deepEqual(errorProblems(answer), [], `${method} ${path}`);
    }
    return { status: response.status, headers: response.headers, body: answer, code: answer?.error?.code };
  };
}

/** A callback that a bot has received. */
export interface Heard {
  path: string;
  headers: IncomingHttpHeaders;
  body: any;
  at: number;
}

/** A bot that only listens. What it answers can be changed at any time. */
export class Listener {
  readonly heard: Heard[] = [];
  /** Status of the answer, or `undefined` to never answer. */
  answer: (heard: Heard) => number | undefined = () => 200;
  readonly #server: Server;

  private constructor() {
    this.#server = createServer((request, response) => {
      let text = "";
      request.setEncoding("utf8");
      request.on("data", (chunk: string) => (text += chunk));
      request.on("end", () => {
        const heard = { path: request.url ?? "", headers: request.headers, body: text === "" ? undefined : JSON.parse(text), at: Date.now() };
        this.heard.push(heard);
        const status = this.answer(heard);
        if (status !== undefined) response.writeHead(status, { "Content-Type": "application/json" }).end("{}");
      });
    });
  }

  static async start(): Promise<Listener> {
    const listener = new Listener();
    await new Promise<void>((resolve) => listener.#server.listen(0, "127.0.0.1", resolve));
    return listener;
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  /** Texts of the messages heard, in order. */
  texts(): string[] {
    return this.heard.map(({ body }) => (body.data.message ?? body.data).data.text);
  }

  forget(): void {
    this.heard.length = 0;
    this.answer = () => 200;
  }

  async close(): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }
}

/** An emulator with a listening bot behind `demo_bot`. */
export interface Scene {
  emulator: Emulator;
  rest: Rest;
  bot: Listener;
  /** Says something to the bot as Andrew, in 1:1 or in the group. */
  say: (text: string, where?: "user" | "group") => ReturnType<Emulator["send"]>;
  close: () => Promise<void>;
}

/** With the context of a test, it is closed when the test has ended. */
export async function scene(options: EmulatorOptions = {}, context?: { after: (close: () => Promise<void>) => void }): Promise<Scene> {
  const bot = await Listener.start();
  const emulator = await startEmulator({ callbackUrl: `${bot.url}/callback/demo_bot`, ...options });
  const close = async () => {
    await emulator.close();
    await bot.close();
  };
  context?.after(close);
  return {
    emulator,
    bot,
    rest: restOf(emulator),
    say: (text, receiverType = "user") =>
      emulator.send({ sender: "cometchat-uid-1", receiver: receiverType === "user" ? "demo_bot" : "team-1", receiverType, text }),
    close,
  };
}

/** A text message as a body of the REST API. */
export function textTo(receiver: string, text: string, more: object = {}): Record<string, unknown> {
  return { receiver, receiverType: "user", category: "message", type: "text", data: { text }, ...more };
}
