/** The chat page: the files of `page/`, with the types of `*.ts` files stripped. */

import type { IncomingMessage, ServerResponse } from "node:http";
import { readFile } from "node:fs/promises";
import { stripTypeScriptTypes } from "node:module";
import { extname } from "node:path";

const FOLDER = new URL("../page/", import.meta.url);

/** No script, style or connection from elsewhere; pictures may come from the network, as attachments and avatars do. */
const HEADERS = {
  "Content-Security-Policy": "default-src 'self'; img-src 'self' https: http: data:; frame-ancestors 'none'; base-uri 'none'; form-action 'self'",
  "X-Content-Type-Options": "nosniff",
  "Referrer-Policy": "no-referrer",
  "Cache-Control": "no-cache",
};

const TYPES: Record<string, string> = {
  ".html": "text/html; charset=utf-8",
  ".css": "text/css; charset=utf-8",
  ".js": "text/javascript; charset=utf-8",
  ".ts": "text/javascript; charset=utf-8",
  ".svg": "image/svg+xml",
  ".png": "image/png",
  ".ico": "image/x-icon",
};

export async function servePage(incoming: IncomingMessage, outgoing: ServerResponse): Promise<void> {
  incoming.resume();
  const path = (incoming.url ?? "/").split("?", 1)[0] ?? "/";
  const name = path === "/" ? "index.html" : path.slice(1);
  const type = TYPES[extname(name)];
  if (incoming.method !== "GET" && incoming.method !== "HEAD") return end(outgoing, 405, "Only GET and HEAD here.", { Allow: "GET, HEAD" });
  // Names without dots in front and without empty parts cannot lead out of the folder.
  if (!type || !/^[a-z0-9_-][a-z0-9._-]*(\/[a-z0-9_-][a-z0-9._-]*)*$/i.test(name)) return end(outgoing, 404, "There is no such page.");
  let content: Buffer | string;
  try {
    content = await readFile(new URL(name, FOLDER));
  } catch {
    return end(outgoing, 404, "There is no such page.");
  }
  if (name.endsWith(".ts")) content = stripTypes(content.toString("utf8"));
  outgoing.writeHead(200, { ...HEADERS, "Content-Type": type, "Content-Length": Buffer.byteLength(content) });
  outgoing.end(incoming.method === "HEAD" ? undefined : content);
}

/** Node.js marks this experimental and says so on the console at its first use, where nobody can do anything about it. */
function stripTypes(source: string): string {
  const { emitWarning } = process;
  process.emitWarning = () => {};
  try {
    return stripTypeScriptTypes(source);
  } finally {
    process.emitWarning = emitWarning;
  }
}

function end(outgoing: ServerResponse, status: number, text: string, headers: Record<string, string> = {}): void {
  outgoing.writeHead(status, { ...HEADERS, ...headers, "Content-Type": "text/plain; charset=utf-8" });
  outgoing.end(`${text}\n`);
}
