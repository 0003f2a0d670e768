/** What released versions have stored (tests/fixtures/rows). */

import { readFileSync } from "node:fs";

import type { Rows } from "./objects.ts";

export interface Recorded {
  conversation: string;
  recordedAt: number;
  rows: Rows;
  kv: Rows;
  kvMetadata: Record<string, unknown>;
}

/** What version 1 has stored, as if that had been recorded so many minutes ago. */
export function recorded(name: string, minutes = 12): Recorded {
  const text = readFileSync(new URL(`fixtures/rows/v1/${name}.json`, import.meta.url), "utf8");
  const later = Date.now() - minutes * 60_000 - (JSON.parse(text) as Recorded).recordedAt;
  // Every moment is a number of 13 digits, and nothing else is.
  return JSON.parse(text.replaceAll(/\b\d{13}\b/g, (at) => String(Number(at) + later))) as Recorded;
}
