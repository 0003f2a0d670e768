/** The HTTP server: the REST API under `/v3`, the emulator's own routes under `/emulator`, and the chat page. */

import type { IncomingMessage, Server, ServerResponse } from "node:http";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";

import type { OwnRoutes } from "./own/routes.ts";
import { servePage } from "./own/page.ts";
import { RestApi } from "./rest/handler.ts";

/** What can be said in one sentence about a server that does not start. */
export class StartError extends Error {}

/** Listens, or rejects with a `StartError`. Port 0 takes a free one. */
export async function listen(host: string, port: number, rest: RestApi, own: OwnRoutes): Promise<Server> {
  const server = createServer((incoming, outgoing) => {
    // Clients leave in the middle of anything; that is their business.
    incoming.on("error", () => {});
    outgoing.on("error", () => {});
    void dispatch(incoming, outgoing, rest, own).catch((error: unknown) => {
      if (!incoming.errored) console.error("The emulator has a bug:", error);
      outgoing.destroy();
    });
  });
  server.keepAliveTimeout = 65_000;
  await new Promise<void>((resolve, reject) => {
    server.once("error", (error: NodeJS.ErrnoException) => reject(new StartError(startProblem(error, host, port))));
    server.listen(port, host, resolve);
  });
  return server;
}

/** Where a server can be reached from this machine. */
export function urlOf(server: Server): string {
  const { address, family, port } = server.address() as AddressInfo;
  if (address === "0.0.0.0" || address === "::") return `http://127.0.0.1:${port}`;
  return family === "IPv6" ? `http://[${address}]:${port}` : `http://${address}:${port}`;
}

async function dispatch(incoming: IncomingMessage, outgoing: ServerResponse, rest: RestApi, own: OwnRoutes): Promise<void> {
  const path = incoming.url ?? "/";
  if (RestApi.owns(path)) return rest.handle(incoming, outgoing);
  if (path.startsWith("/emulator/")) return own.handle(incoming, outgoing);
  return servePage(incoming, outgoing);
}

function startProblem(error: NodeJS.ErrnoException, host: string, port: number): string {
  switch (error.code) {
    case "EADDRINUSE":
      return `Port ${port} is in use already: stop the program that listens there, or choose another port with --port.`;
    case "EACCES":
      return `Port ${port} may not be used without more rights: choose one above 1023 with --port.`;
    case "EADDRNOTAVAIL":
    case "ENOTFOUND":
      return `The host ${host} is not an address of this machine: leave --host out, or use 127.0.0.1 or 0.0.0.0.`;
    default:
      return `Listening at ${host}:${port} failed: ${error.code ?? error.message}.`;
  }
}
