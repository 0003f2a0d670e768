/** An HTTP client that takes an answer which comes before the request's body has been read, as a refusal does. */

import type { IncomingMessage } from "node:http";
import { request } from "node:http";
import { text } from "node:stream/consumers";

export interface Sent {
  method?: string;
  headers?: Record<string, string>;
  /** In one piece, with its length declared; or in pieces, without. */
  body?: string | Uint8Array | readonly Uint8Array[];
}

/** An answer, read whole. JSON is parsed. */
export interface Answer {
  status: number;
  headers: Headers;
  body: any;
}

const DEADLINE_MS = 15_000;

/** Each request has a connection of its own: one whose body was left unread is closed by the server. */
export function send(url: string, { method = "GET", headers = {}, body }: Sent = {}): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const outgoing = request(url, { method, headers, agent: false, signal: AbortSignal.timeout(DEADLINE_MS) });
    let isAnswered = false;
    outgoing.once("response", (incoming) => {
      isAnswered = true;
      read(incoming).then(resolve, reject);
    });
    // Once there is an answer, nobody wants the rest of the body.
    outgoing.on("error", (error) => {
      if (!isAnswered) reject(error);
    });
    if (typeof body === "string" || body instanceof Uint8Array) {
      outgoing.setHeader("Content-Length", Buffer.byteLength(body));
      outgoing.end(body);
    } else {
      for (const piece of body ?? []) outgoing.write(piece);
      outgoing.end();
    }
  });
}

async function read(incoming: IncomingMessage): Promise<Answer> {
  const headers = new Headers();
  for (const [name, value] of Object.entries(incoming.headers)) headers.set(name, String(value));
  const body = await text(incoming);
  const isJson = body !== "" && headers.get("Content-Type")?.includes("json");
  return { status: incoming.statusCode ?? 0, headers, body: isJson ? JSON.parse(body) : body };
}
