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

/** The versions of rows that there are recordings of. */
export const versions = [1, 2] as const;

interface How {
  /** Of the rows. Default 1. */
  version?: (typeof versions)[number];
  /** Default 12. */
  minutes?: number;
  /** How long a stretch of ids is, in seconds: EMPTY_AFTER_SECONDS, and at least 60. Default: a day. */
  stretch?: number;
}

/** What a version has stored, as if that had been recorded so many minutes ago. */
export function recorded(name: string, { version = 1, minutes = 12, stretch = 86_400 }: How = {}): Recorded {
  const text = readFileSync(new URL(`fixtures/rows/v${version}/${name}.json`, import.meta.url), "utf8");
  const at = Date.now() - minutes * 60_000;
  const later = at - (JSON.parse(text) as Recorded).recordedAt;
  // Ids lie in the stretch of time in which they were stored, and are not found in any other.
  const start = String(Math.floor(at / 1000 / stretch) * stretch).padStart(11, "0");
  return JSON.parse(
    text
      // Every moment is a number of 13 digits, and nothing else is.
      .replaceAll(/\b\d{13}\b/g, (moment) => String(Number(moment) + later))
      .replaceAll(/"seen\/\d{11}\//g, `"seen/${start}/`),
  ) as Recorded;
}
