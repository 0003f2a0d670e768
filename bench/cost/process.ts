/** What a process has used so far, from Linux's /proc. */

import { readdirSync, readFileSync } from "node:fs";

/** Of a tick in /proc/…/stat, which is 10 ms on every Linux that Node runs on. */
const MS_PER_TICK = 10;

export interface Usage {
  cpuMs: number;
  /** Bytes that it has written: to its storage, and to whom it talks to. */
  writtenBytes: number;
}

/** Of all its threads, those that have ended too. */
export function usage(pid: number): Usage {
  // The name, in parentheses, may hold blanks; behind it are the state, ten more fields, and the two times.
  const stat = readFileSync(`/proc/${pid}/stat`, "utf8").replace(/^.*\) /s, "").split(" ");
  const written = /^wchar: (\d+)$/m.exec(readFileSync(`/proc/${pid}/io`, "utf8"));
  return { cpuMs: (Number(stat[11]) + Number(stat[12])) * MS_PER_TICK, writtenBytes: Number(written?.[1] ?? 0) };
}

/** Resident bytes. */
export function memory(pid: number): number {
  const kilobytes = /^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, "utf8"));
  return Number(kilobytes?.[1] ?? 0) * 1024;
}

/** Milliseconds on a processor, of the threads that are there now; finer than `usage`, which counts in ticks. */
export function cpuMsNow(pid: number): number {
  const threads = readdirSync(`/proc/${pid}/task`).map((thread) => readFileSync(`/proc/${pid}/task/${thread}/schedstat`, "utf8"));
  return threads.reduce((sum, stat) => sum + Number(stat.split(" ")[0]), 0) / 1e6;
}
