/**
 * The worker in workerd, in a process of its own: `runtime.ts` starts it, and kills it.
 *
 * Prints what workerd prints, and one line `{"ready":true}` before it. Ends when its standard input does, so that it
 * does not outlive who started it.
 */

import { readFileSync } from "node:fs";

import type { WorkerOptions } from "../../tests/worker.ts";
import { Worker } from "../../tests/worker.ts";

export type RunnerOptions = Omit<WorkerOptions, "onLog" | "wrapper"> & {
  /** Whether the worker runs inside `wrapper.js`. */
  isCounted: boolean;
};

const { isCounted, ...options } = JSON.parse(process.argv[2] ?? "{}") as RunnerOptions;
const wrapper = isCounted ? { wrapper: readFileSync(new URL("wrapper.js", import.meta.url), "utf8") } : {};
const worker = await Worker.start({ ...options, ...wrapper, onLog: (text) => process.stdout.write(text) });
process.stdout.write('{"ready":true}\n');
process.stdin.resume().once("end", () => void worker.stop().then(() => process.exit(0)));
