/** What the size of the worker costs when workerd starts: the same worker, and the same with more code in it. */

import { cpSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { gzipSync } from "node:zlib";

import { workerSettings } from "../../scripts/lib/local.mjs";
import type { Bundle } from "./bundle.ts";
import type { Contender } from "./contenders.ts";
import { Kv } from "./kv.ts";
import { Load } from "./load.ts";
import { padded } from "./pad.ts";
import { newFolder } from "./place.ts";
import { cpuMsNow } from "./process.ts";
import { BOT } from "./sink.ts";
import { Workerd } from "./workerd.ts";

export interface ColdResult {
  /** Bytes of wasm, before and after gzip. */
  raw: number;
  gzip: number;
  /** From the start of the process to the 200 of its first callback, in milliseconds; sorted. */
  ms: number[];
  /** What the process had used by then. */
  cpuMs: number[];
}

/** How many of the worker's functions are there twice. */
const SHARES = [0, 0.5, 1];

const WASM = "index_bg.wasm";

export async function cold(halley: Contender, { folder, files }: Bundle, starts: number, progress: (words: string) => void): Promise<ColdResult[]> {
  const original = readFileSync(join(folder, WASM));
  const variants = SHARES.map((share) => padded(original, share));
  const results = variants.map((wasm) => ({ raw: wasm.length, gzip: gzipSync(wasm, { level: 9 }).length, ms: [] as number[], cpuMs: [] as number[] }));
  const kv = await Kv.start();
  const load = await Load.prepare(1);
  try {
    // The first of each is not measured: it reads the files from the disk.
    for (let n = 0; n <= starts; n += 1) {
      for (const [which, wasm] of variants.entries()) {
        progress(`start ${n} of ${starts}`);
        const { ms, cpuMs } = await startOnce(wasm);
        if (n === 0) continue;
        results[which]!.ms.push(ms);
        results[which]!.cpuMs.push(cpuMs);
      }
    }
  } finally {
    load.close();
    kv.close();
  }
  for (const { ms, cpuMs } of results) for (const times of [ms, cpuMs]) times.sort((one, other) => one - other);
  return results;

  async function startOnce(wasm: Buffer): Promise<{ ms: number; cpuMs: number }> {
    const place = newFolder();
    cpSync(folder, place, { recursive: true });
    writeFileSync(join(place, WASM), wasm);
    const settings = { ...workerSettings(load.sink.url), BOTS: { [BOT]: "rehearsal" } };
    const began = performance.now();
    const workerd = await Workerd.start({ contender: halley, folder: place, modules: files, settings, kv: kv.address });
    try {
      load.aim(workerd.url);
      await load.post([{ peer: "first" }]);
      const figures = { ms: performance.now() - began, cpuMs: cpuMsNow(workerd.pid) };
      await load.replies();
      return figures;
    } finally {
      await workerd.stop();
      rmSync(place, { recursive: true, force: true });
    }
  }
}
