/** A contender in a workerd of its own, with a load that is aimed at it. */

import { cpSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";

import { workerSettings } from "../../scripts/lib/local.mjs";
import type { Bundle } from "./bundle.ts";
import type { Contender } from "./contenders.ts";
import { Kv } from "./kv.ts";
import { Load } from "./load.ts";
import { memory, usage } from "./process.ts";
import { BOT } from "./sink.ts";
import { Workerd } from "./workerd.ts";

/** How long workerd is left alone so that what follows the last reply is over: an alarm a second later, and its work. */
const SETTLE_MS = 2500;

export interface StageOptions {
  contender: Contender;
  bundle: Bundle;
  isCounted: boolean;
  atOnce: number;
  /** Of Halley, beside those of `npm start`. */
  settings?: Record<string, string | number | object>;
}

/** What was used between two moments. */
export interface Used {
  cpuMs: number;
  diskBytes: number;
}

export class Stage {
  readonly load: Load;
  readonly #kv: Kv;
  readonly #workerd: Workerd;
  readonly #folder: string;

  private constructor(load: Load, kv: Kv, workerd: Workerd, folder: string) {
    this.load = load;
    this.#kv = kv;
    this.#workerd = workerd;
    this.#folder = folder;
    load.aim(workerd.url);
  }

  static async set({ contender, bundle, isCounted, atOnce, settings }: StageOptions): Promise<Stage> {
    const folder = mkdtempSync(join(tmpdir(), "halley-bench-"));
    cpSync(bundle.folder, folder, { recursive: true });
    const load = await Load.prepare(atOnce);
    const kv = await Kv.start();
    const workerd = await Workerd.start({
      contender,
      folder,
      modules: [...(isCounted ? ["counted.js", "counting.js"] : []), ...bundle.files],
      settings: { ...workerSettings(load.sink.url), BOTS: { [BOT]: "rehearsal" }, REPLY_BUDGET_PER_MINUTE: 0, ...settings },
      kv: kv.address,
    });
    return new Stage(load, kv, workerd, folder);
  }

  /** Does something to the worker and waits until it is over, replies and all. */
  async use(work: () => Promise<unknown>): Promise<Used> {
    const before = usage(this.#workerd.pid);
    try {
      await work();
      await this.load.replies();
    } catch (error) {
      throw new Error(`${error instanceof Error ? error.message : error}\nworkerd has printed:\n${this.#workerd.said}`, { cause: error });
    }
    await sleep(SETTLE_MS);
    const after = usage(this.#workerd.pid);
    return { cpuMs: after.cpuMs - before.cpuMs, diskBytes: after.diskBytes - before.diskBytes };
  }

  /** What has been asked of the platform since this was last called. */
  async counted(): Promise<Record<string, number>> {
    const response = await fetch(`${this.#workerd.url}/counted`);
    return (await response.json()) as Record<string, number>;
  }

  get memory(): number {
    return memory(this.#workerd.pid);
  }

  async strike(): Promise<void> {
    await this.#workerd.stop();
    this.load.close();
    this.#kv.close();
    rmSync(this.#folder, { recursive: true, force: true });
  }
}
