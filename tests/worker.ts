/** The built worker in workerd: set up as wrangler.toml says, with the settings that `npm start` gives it. */

import { mkdtempSync, readFileSync, readdirSync, rmSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import type { Readable } from "node:stream";

import { Miniflare } from "miniflare";
import { parse } from "smol-toml";

import { workerSettings } from "../scripts/lib/local.mjs";
import { builtScript, builtWasm, root } from "../scripts/lib/paths.mjs";

/** wrangler's own workerd: the older one that miniflare brings refuses the compatibility date. */
const wrangler = createRequire(createRequire(import.meta.url).resolve("wrangler/package.json"));
process.env["MINIFLARE_WORKERD_PATH"] = (wrangler("workerd") as { default: string }).default;

const configuration = parse(readFileSync(join(root, "wrangler.toml"), "utf8")) as {
  compatibility_date: string;
  compatibility_flags: string[];
  vars: Settings;
  kv_namespaces: { binding: string }[];
  durable_objects: { bindings: { name: string; class_name: string }[] };
  exports: Record<string, { type: string; storage: string }>;
};

/** Variables and secrets alike; `undefined` leaves one out that would be there otherwise. */
export type Settings = Record<string, string | number | boolean | object | undefined>;

/** The part of a KV namespace that tests use. */
export interface Kv {
  get(key: string): Promise<string | null>;
  put(key: string, value: string): Promise<void>;
  delete(key: string): Promise<void>;
  list(options?: { prefix?: string }): Promise<{ keys: { name: string; expiration?: number; metadata?: unknown }[] }>;
}

export interface WorkerOptions {
  /** Base URL of the REST API, ending in `/v3`. */
  apiUrl: string;
  settings: Settings;
}

export class Worker {
  /** Without a slash at its end. */
  readonly url: string;
  readonly #miniflare: Miniflare;
  readonly #storage: string;
  readonly #log: Log;

  private constructor(url: string, miniflare: Miniflare, storage: string, log: Log) {
    this.url = url;
    this.#miniflare = miniflare;
    this.#storage = storage;
    this.#log = log;
  }

  static async start(options: WorkerOptions): Promise<Worker> {
    const storage = mkdtempSync(join(tmpdir(), "halley-"));
    const log = new Log();
    const miniflare = new Miniflare({
      host: "127.0.0.1",
      port: 0,
      modules: [
        { type: "ESModule", path: "index.js", contents: readFileSync(builtScript, "utf8") },
        { type: "CompiledWasm", path: "index_bg.wasm", contents: readFileSync(builtWasm) },
      ],
      compatibilityDate: configuration.compatibility_date,
      compatibilityFlags: configuration.compatibility_flags,
      bindings: bindings({ ...configuration.vars, ...workerSettings(options.apiUrl), ...options.settings }),
      kvNamespaces: configuration.kv_namespaces.map(({ binding }) => binding),
      durableObjects: durableObjects(),
      durableObjectsPersist: storage,
      cf: false,
      handleRuntimeStdio: (stdout: Readable, stderr: Readable) => log.read(stdout, stderr),
    });
    const url = await miniflare.ready;
    return new Worker(url.origin, miniflare, storage, log);
  }

  /** Everything the worker has logged so far, errors of the runtime included. */
  get log(): string {
    return this.#log.text;
  }

  async kv(): Promise<Kv> {
    return (await this.#miniflare.getKVNamespace("CONVERSATIONS")) as unknown as Kv;
  }

  /** How many conversations are in flight: how many Durable Objects have a table. */
  inFlight(): number {
    return readdirSync(this.#storage, { recursive: true, encoding: "utf8" })
      .filter((file) => file.endsWith(".sqlite"))
      .filter((file) => hasTable(join(this.#storage, file))).length;
  }

  async stop(): Promise<void> {
    await this.#miniflare.dispose();
    rmSync(this.#storage, { recursive: true, force: true });
  }
}

/** What workerd prints. */
class Log {
  text = "";

  read(...streams: Readable[]): void {
    for (const stream of streams) {
      stream.setEncoding("utf8").on("data", (text: string) => {
        this.text += text;
      });
    }
  }
}

function hasTable(file: string): boolean {
  const database = new DatabaseSync(file, { readOnly: true });
  try {
    return database.prepare("SELECT 1 FROM sqlite_master WHERE name = 'rows'").get() !== undefined;
  } finally {
    database.close();
  }
}

function bindings(settings: Settings): Record<string, string | number | boolean> {
  // The values are JSON of any shape; miniflare's type of JSON is not exported.
  return Object.fromEntries(Object.entries(settings).filter(([, value]) => value !== undefined)) as Record<string, string>;
}

function durableObjects() {
  return Object.fromEntries(
    configuration.durable_objects.bindings.map(({ name, class_name: className }) => [
      name,
      { className, useSQLite: configuration.exports[className]?.storage === "sqlite" },
    ]),
  );
}
