/** Workers KV as workerd asks for it, in memory: get, put, delete. Of expirations it knows nothing. */

import type { Server } from "node:http";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";

export class Kv {
  /** Host and port. */
  readonly address: string;
  readonly #server: Server;

  private constructor(server: Server) {
    this.#server = server;
    this.address = `127.0.0.1:${(server.address() as AddressInfo).port}`;
  }

  static async start(): Promise<Kv> {
    const values = new Map<string, { body: Buffer; metadata: string | undefined }>();
    const server = createServer((request, response) => {
      const key = new URL(request.url ?? "/", "http://kv").pathname;
      const parts: Buffer[] = [];
      request.on("data", (part: Buffer) => parts.push(part));
      request.on("end", () => {
        if (request.method === "PUT") {
          values.set(key, { body: Buffer.concat(parts), metadata: request.headers["cf-kv-metadata"] as string | undefined });
        } else if (request.method === "DELETE") {
          values.delete(key);
        } else {
          const value = values.get(key);
          if (value === undefined) return response.writeHead(404).end();
          return response.writeHead(200, value.metadata === undefined ? {} : { "CF-KV-Metadata": value.metadata }).end(value.body);
        }
        return response.writeHead(200).end();
      });
    });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    return new Kv(server);
  }

  close(): void {
    this.#server.closeAllConnections();
    this.#server.close();
  }
}
