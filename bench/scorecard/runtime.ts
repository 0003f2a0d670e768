/** workerd and what runs it, as one process group that can be killed like a machine that loses its power. */

import type { ChildProcess } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, cpSync, rmSync } from "node:fs";
import { connect, createServer } from "node:net";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";

import { start } from "../../scripts/lib/child.mjs";
import { program, rehearsalBuild } from "../../scripts/lib/paths.mjs";
import type { Settings } from "../../tests/worker.ts";
import type { RunnerOptions } from "./runner.ts";

/** How long workerd may take to be there, or to be gone. */
const DEADLINE_MS = 60_000;

export interface RuntimeOptions {
  apiUrl: string;
  settings: Settings;
  isCounted: boolean;
  onLine: (line: string) => void;
  /** Called when it has ended by itself. */
  onLost: (error: Error) => void;
}

export class Runtime {
  readonly port: number;
  readonly url: string;
  readonly #options: RuntimeOptions;
  /** Objects, KV, and a copy of the build: all of a run are of one build, whatever is built meanwhile. */
  readonly #folder = mkdtempSync(join(tmpdir(), "halley-scorecard-"));
  #group: ChildProcess | undefined;

  private constructor(port: number, options: RuntimeOptions) {
    this.port = port;
    this.url = `http://127.0.0.1:${port}`;
    this.#options = options;
    process.once("exit", () => rmSync(this.#folder, { recursive: true, force: true }));
    for (const file of ["index.js", "index_bg.wasm"]) cpSync(join(rehearsalBuild, file), join(this.#folder, "build", file));
  }

  /** Not started yet. It keeps its port, so that callbacks find it again after a kill. */
  static async prepare(options: RuntimeOptions): Promise<Runtime> {
    return new Runtime(await freePort(), options);
  }

  /** Resolves when it can be reached, to the time at which it was. */
  async start(): Promise<number> {
    const { apiUrl, settings, isCounted, onLine, onLost } = this.#options;
    const options: RunnerOptions = {
      apiUrl,
      settings,
      isCounted,
      port: this.port,
      storage: join(this.#folder, "storage"),
      build: join(this.#folder, "build"),
    };
    const runner = fileURLToPath(new URL("runner.ts", import.meta.url));
    const group = start(program.node, ["--disable-warning=ExperimentalWarning", runner, JSON.stringify(options)], {
      stdio: ["pipe", "pipe", "pipe"],
    });
    this.#group = group;
    let errors = "";
    group.stderr?.setEncoding("utf8").on("data", (text: string) => {
      errors = (errors + text).slice(-4000);
    });
    const lines = createInterface({ input: group.stdout! });
    await new Promise<void>((resolve, reject) => {
      const problem = (what: string) => new Error(`The runtime ${what}.\n${errors}`);
      const timer = setTimeout(() => reject(problem("does not start")), DEADLINE_MS);
      group.once("close", (code, signal) => {
        if (this.#group !== group) return;
        this.#group = undefined;
        const error = problem(`has ended by itself (${signal ?? code})`);
        reject(error);
        onLost(error);
      });
      lines.on("line", (line) => {
        if (line !== '{"ready":true}') return onLine(line);
        clearTimeout(timer);
        resolve();
      });
    });
    return Date.now();
  }

  /** Kills the whole group at once, and resolves when nobody is left in it and the port is silent. */
  async kill(): Promise<void> {
    const group = this.#group;
    if (group?.pid === undefined) throw new Error("There is nothing to kill.");
    this.#group = undefined;
    const closed = once(group, "close");
    process.kill(-group.pid, "SIGKILL");
    await closed;
    const deadline = Date.now() + DEADLINE_MS;
    while ((await listens(this.port)) || isAlive(group.pid)) {
      if (Date.now() > deadline) throw new Error("The runtime has survived its kill.");
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
  }

  async stop(): Promise<void> {
    const group = this.#group;
    this.#group = undefined;
    if (group) {
      const closed = once(group, "close");
      group.stdin?.end();
      await closed;
    }
    rmSync(this.#folder, { recursive: true, force: true });
  }
}

function isAlive(group: number): boolean {
  try {
    process.kill(-group, 0);
    return true;
  } catch {
    return false;
  }
}

function listens(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, "127.0.0.1");
    socket.once("connect", () => {
      socket.destroy();
      resolve(true);
    });
    socket.once("error", () => resolve(false));
  });
}

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}
