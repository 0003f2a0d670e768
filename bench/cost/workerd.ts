/** A contender in workerd, with nothing else in the process: no miniflare, and KV is elsewhere, as it is on the platform. */

import type { ChildProcess } from "node:child_process";
import { closeSync, mkdirSync, openSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { createInterface } from "node:readline";
import type { Readable } from "node:stream";

import { start } from "../../scripts/lib/child.mjs";
import { deployment, workerd } from "../../tests/worker.ts";
import type { Contender } from "./contenders.ts";

/** How long it may take to listen. */
const DEADLINE_MS = 60_000;

export interface WorkerdOptions {
  contender: Pick<Contender, "usesKv" | "object" | "flags">;
  /** Of its modules; its objects lie there too, in a folder `storage`. */
  folder: string;
  /** In the order of their importance: the first is the worker. */
  modules: string[];
  settings: Record<string, string | number | object>;
  /** Where KV is: host and port. */
  kv: string;
}

export class Workerd {
  readonly pid: number;
  readonly url: string;
  readonly #child: ChildProcess;
  readonly #closed: Promise<void>;
  readonly #output: string;

  private constructor(child: ChildProcess, port: number, output: string) {
    this.#child = child;
    this.pid = child.pid!;
    this.url = `http://127.0.0.1:${port}`;
    this.#output = output;
    this.#closed = new Promise((resolve) => child.once("close", () => resolve()));
  }

  /** Resolves when it listens. */
  static async start(options: WorkerdOptions): Promise<Workerd> {
    const { folder } = options;
    mkdirSync(join(folder, "storage"), { recursive: true });
    writeFileSync(join(folder, "config.capnp"), configuration(options));
    const output = join(folder, "output");
    // A file: a pipe would have each line wake up who reads it.
    const file = openSync(output, "w");
    const args = ["serve", "--experimental", "--control-fd=3", "config.capnp"];
    const child = start(workerd, args, { cwd: folder, stdio: ["ignore", file, file, "pipe"] });
    closeSync(file);
    const port = await new Promise<number>((resolve, reject) => {
      const fail = (what: string) => reject(new Error(`workerd ${what}.\n${last(output)}`));
      const timer = setTimeout(() => fail("does not listen"), DEADLINE_MS);
      child.once("error", reject);
      child.once("close", () => fail("has ended"));
      createInterface({ input: child.stdio[3] as Readable }).on("line", (line) => {
        clearTimeout(timer);
        resolve((JSON.parse(line) as { port: number }).port);
      });
    });
    return new Workerd(child, port, output);
  }

  /** What it has printed last, for whoever wonders. */
  get said(): string {
    return last(this.#output);
  }

  async stop(): Promise<void> {
    this.#child.kill("SIGKILL");
    await this.#closed;
  }
}

/** The end of a file, 50 lines of it. */
function last(file: string): string {
  return readFileSync(file, "utf8").trimEnd().split("\n").slice(-50).join("\n");
}

/** workerd leaves this one to who embeds it; agents imports it, and this bot does not use it. */
const email = '(name = "cloudflare-internal:email", internal = true, esModule = "export default { EmailMessage: class {} };")';

function configuration({ contender: { usesKv, object, flags }, modules, settings, kv }: WorkerdOptions): string {
  const text = (value: string) => JSON.stringify(value);
  const list = (items: string[]) => `[${items.join(", ")}]`;
  const bindings = [
    ...Object.entries(settings).map(([name, value]) =>
      typeof value === "object" ? `(name = ${text(name)}, json = ${text(JSON.stringify(value))})` : `(name = ${text(name)}, text = ${text(String(value))})`,
    ),
    ...(usesKv ? ['(name = "CONVERSATIONS", kvNamespace = "kv")'] : []),
    ...(object ? [`(name = "CONVERSATION", durableObjectNamespace = ${text(object)})`] : []),
  ];
  const moduleOf = (name: string) => `(name = ${text(name)}, ${name.endsWith(".wasm") ? "wasm" : "esModule"} = embed ${text(name)})`;
  const objects = object
    ? [
        `durableObjectNamespaces = [(className = ${text(object)}, uniqueKey = ${text(object)}, enableSql = true)]`,
        'durableObjectStorage = (localDisk = "disk")',
      ]
    : [];
  const worker = [
    `modules = ${list(modules.map(moduleOf))}`,
    `compatibilityDate = ${text(deployment.compatibility_date)}`,
    `compatibilityFlags = ${list(flags.map(text))}`,
    `bindings = ${list(bindings)}`,
    ...objects,
  ];
  const services = [
    `(name = "main", worker = (${worker.join(", ")}))`,
    '(name = "internet", network = (allow = ["private"]))',
    `(name = "kv", external = (address = ${text(kv)}, http = ()))`,
    '(name = "disk", disk = (path = "storage", writable = true))',
  ];
  return `using Workerd = import "/workerd/workerd.capnp";
const config :Workerd.Config = (
  services = ${list(services)},
  extensions = [(modules = [${email}])],
  sockets = [(name = "http", address = "127.0.0.1:0", http = (), service = "main")],
);
`;
}
