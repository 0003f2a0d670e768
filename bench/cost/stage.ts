/** A contender in a workerd of its own, with a load that is aimed at it. */

import { cpSync, rmSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";

import { workerSettings } from "../../scripts/lib/local.mjs";
import type { Bundle } from "./bundle.ts";
import type { Contender } from "./contenders.ts";
import { Kv } from "./kv.ts";
import { Load } from "./load.ts";
import { newFolder } from "./place.ts";
import type { Usage } from "./process.ts";
import { memory, usage } from "./process.ts";
import { BOT } from "./sink.ts";
import { Workerd } from "./workerd.ts";

/** How long workerd is left alone so that what follows the last reply is over: timers, ten seconds after each request. */
const SETTLE_MS = 11_500;

/** Where figures are only looked at. */
const QUICK_SETTLE_MS = 2500;

/** Waits until what follows a reply is over. */
export async function settle(quick: boolean): Promise<void> {
  await sleep(quick ? QUICK_SETTLE_MS : SETTLE_MS);
}

export interface StageOptions {
  contender: Contender;
  bundle: Bundle;
  isCounted: boolean;
  atOnce: number;
  quick: boolean;
  /** Whether it goes on where messages stay unanswered. */
  mayBeMissing?: boolean;
  /** Of Halley, beside those of `npm start`. */
  settings?: Record<string, string | number | object>;
}

export class Stage {
  readonly load: Load;
  readonly kv: Kv;
  readonly #options: StageOptions;
  readonly #folder: string;
  #workerd: Workerd;

  private constructor(options: StageOptions, load: Load, kv: Kv, folder: string, workerd: Workerd) {
    this.#options = options;
    this.load = load;
    this.kv = kv;
    this.#folder = folder;
    this.#workerd = workerd;
    load.aim(workerd.url);
  }

  static async set(options: StageOptions): Promise<Stage> {
    const folder = newFolder();
    cpSync(options.bundle.folder, folder, { recursive: true });
    const load = await Load.prepare(options.atOnce);
    const kv = await Kv.start();
    return new Stage(options, load, kv, folder, await run(options, load, kv, folder));
  }

  /** Starts it again on what it has stored, to be counted. */
  async count(): Promise<void> {
    await this.#workerd.stop();
    this.#workerd = await run({ ...this.#options, isCounted: true }, this.load, this.kv, this.#folder);
    this.load.aim(this.#workerd.url);
  }

  /** Does something to the worker and waits until it is over, replies and all. */
  async use(work: () => Promise<unknown>): Promise<Usage> {
    const before = this.used;
    await this.answer(work);
    await settle(this.#options.quick);
    const after = this.used;
    return { cpuMs: after.cpuMs - before.cpuMs, writtenBytes: after.writtenBytes - before.writtenBytes };
  }

  /** Does something to the worker and waits for the replies. */
  async answer<T>(work: () => Promise<T>): Promise<T> {
    try {
      const done = await work();
      await this.load.replies(this.#options.mayBeMissing);
      return done;
    } catch (error) {
      throw new Error(`${error instanceof Error ? error.message : error}\nworkerd has printed:\n${this.#workerd.said}`, { cause: error });
    }
  }

  /** What it has used so far. */
  get used(): Usage {
    return usage(this.#workerd.pid);
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
    this.kv.close();
    rmSync(this.#folder, { recursive: true, force: true });
  }
}

function run({ contender, bundle, isCounted, settings }: StageOptions, load: Load, kv: Kv, folder: string): Promise<Workerd> {
  return Workerd.start({
    contender,
    folder,
    modules: [...(isCounted ? ["counted.js", "counting.js"] : []), ...bundle.files],
    settings: { ...workerSettings(load.sink.url), BOTS: { [BOT]: "rehearsal" }, REPLY_BUDGET_PER_MINUTE: 0, ...settings },
    kv: kv.address,
  });
}
