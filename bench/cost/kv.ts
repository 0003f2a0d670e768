/** Workers KV as workerd asks for it, in memory: get, put, delete. Of expirations it knows nothing. It can be slow. */

import type { Server } from "node:http";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";

export class Kv {
  /** Host and port. */
  readonly address: string;
  readonly #server: Server;
  /** Reads that wait, while there is a list for them. */
  #held: (() => void)[] | undefined;

  private constructor(server: Server) {
    this.#server = server;
    this.address = `127.0.0.1:${(server.address() as AddressInfo).port}`;
  }

  static async start(): Promise<Kv> {
    const values = new Map<string, { body: Buffer; metadata: string | undefined }>();
    const server = createServer();
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    const kv = new Kv(server);
    server.on("request", (request, response) => {
      const key = new URL(request.url ?? "/", "http://kv").pathname;
      const parts: Buffer[] = [];
      request.on("data", (part: Buffer) => parts.push(part));
      request.on("end", () => {
        if (request.method === "GET") {
          const answer = () => {
            const value = values.get(key);
            if (value === undefined) response.writeHead(404).end();
            else response.writeHead(200, value.metadata === undefined ? {} : { "CF-KV-Metadata": value.metadata }).end(value.body);
          };
          if (kv.#held) kv.#held.push(answer);
          else answer();
          return;
        }
        if (request.method === "PUT") {
          values.set(key, { body: Buffer.concat(parts), metadata: request.headers["cf-kv-metadata"] as string | undefined });
        } else {
          values.delete(key);
        }
        response.writeHead(200).end();
      });
    });
    return kv;
  }

  /** Answers no read until `release`. */
  hold(): void {
    this.#held ??= [];
  }

  release(): void {
    const held = this.#held ?? [];
    this.#held = undefined;
    for (const answer of held) answer();
  }

  close(): void {
    this.#server.closeAllConnections();
    this.#server.close();
  }
}
