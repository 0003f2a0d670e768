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
import { rehearsalBuild, root } from "../scripts/lib/paths.mjs";

/** wrangler's own workerd: the older one that miniflare brings refuses the compatibility date. */
const wrangler = createRequire(createRequire(import.meta.url).resolve("wrangler/package.json"));
export const workerd = (wrangler("workerd") as { default: string }).default;
process.env["MINIFLARE_WORKERD_PATH"] = workerd;

/** What wrangler.toml says. */
export const deployment = parse(readFileSync(join(root, "wrangler.toml"), "utf8")) as {
  compatibility_date: string;
  compatibility_flags: string[];
  vars: Settings;
  kv_namespaces: { binding: string }[];
  durable_objects: { bindings: { name: string; class_name: string }[] };
  exports: Record<string, { type: string; storage: string }>;
};

const standIn = readFileSync(new URL("stand-in.js", import.meta.url), "utf8");

/** Variables and secrets alike; `undefined` leaves one out that would be there otherwise. */
export type Settings = Record<string, string | number | boolean | object | undefined>;

/** The part of a KV namespace that tests use. */
export interface Kv {
  get(key: string): Promise<string | null>;
  put(key: string, value: string, options?: { metadata?: unknown }): Promise<void>;
  delete(key: string): Promise<void>;
  list(options?: { prefix?: string }): Promise<{ keys: { name: string; expiration?: number; metadata?: unknown }[] }>;
}

export interface WorkerOptions {
  /** Base URL of the REST API, ending in `/v3`. */
  apiUrl: string;
  settings: Settings;
  /** Default 0: any free one. */
  port?: number;
  /** Where objects and KV lie, and stay. Default: a temporary folder for the objects, and memory for KV. */
  storage?: string;
  /** Where the worker's two files are. Default: the release build with the rehearsal bot. */
  build?: string;
  /** Source of a module to run in place of the worker. It may import that as `./index.js`, and `./stand-in.js` (tests/stand-in.js). */
  wrapper?: string;
  /** Bindings of wrangler.toml that the deployment lacks. */
  without?: readonly string[];
  /** Called with what workerd prints, as it comes. */
  onLog?: (text: string) => void;
}

export class Worker {
  /** Without a slash at its end. */
  readonly url: string;
  readonly #miniflare: Miniflare;
  readonly #storage: string;
  readonly #isTemporary: boolean;
  readonly #log: Log;
  #stopped: Promise<void> | undefined;

  private constructor(url: string, miniflare: Miniflare, storage: { folder: string; isTemporary: boolean }, log: Log) {
    this.url = url;
    this.#miniflare = miniflare;
    this.#storage = storage.folder;
    this.#isTemporary = storage.isTemporary;
    this.#log = log;
  }

  static async start(options: WorkerOptions): Promise<Worker> {
    const storage = options.storage ?? mkdtempSync(join(tmpdir(), "halley-"));
    const build = options.build ?? rehearsalBuild;
    const isBound = (name: string) => !options.without?.includes(name);
    const log = new Log(options.onLog);
    const miniflare = new Miniflare({
      host: "127.0.0.1",
      port: options.port ?? 0,
      modules: [
        ...(options.wrapper === undefined ? [] : [module("wrapper.js", options.wrapper), module("stand-in.js", standIn)]),
        module("index.js", readFileSync(join(build, "index.js"), "utf8")),
        { type: "CompiledWasm", path: "index_bg.wasm", contents: readFileSync(join(build, "index_bg.wasm")) },
      ],
      compatibilityDate: deployment.compatibility_date,
      compatibilityFlags: deployment.compatibility_flags,
      bindings: bindings({ ...deployment.vars, ...workerSettings(options.apiUrl), ...options.settings }),
      kvNamespaces: deployment.kv_namespaces.map(({ binding }) => binding).filter(isBound),
      durableObjects: durableObjects(isBound),
      durableObjectsPersist: options.storage === undefined ? storage : join(storage, "objects"),
      ...(options.storage !== undefined && { kvPersist: join(storage, "kv") }),
      cf: false,
      handleRuntimeStdio: (stdout: Readable, stderr: Readable) => log.read(stdout, stderr),
    });
    const url = await miniflare.ready;
    return new Worker(url.origin, miniflare, { folder: storage, isTemporary: options.storage === undefined }, log);
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

  /** Once is enough; whoever stops it again waits for the same end. */
  stop(): Promise<void> {
    this.#stopped ??= this.#stop();
    return this.#stopped;
  }

  async #stop(): Promise<void> {
    await this.#miniflare.dispose();
    if (this.#isTemporary) rmSync(this.#storage, { recursive: true, force: true });
  }
}

/** What workerd prints. */
class Log {
  text = "";
  readonly #listener: ((text: string) => void) | undefined;

  constructor(listener?: (text: string) => void) {
    this.#listener = listener;
  }

  read(...streams: Readable[]): void {
    for (const stream of streams) {
      stream.setEncoding("utf8").on("data", (text: string) => {
        this.text += text;
        this.#listener?.(text);
      });
    }
  }
}

function module(path: string, contents: string) {
  return { type: "ESModule" as const, path, contents };
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

function durableObjects(isBound: (name: string) => boolean) {
  return Object.fromEntries(
    deployment.durable_objects.bindings.filter(({ name }) => isBound(name)).map(({ name, class_name: className }) => [
      name,
      { className, useSQLite: deployment.exports[className]?.storage === "sqlite" },
    ]),
  );
}
