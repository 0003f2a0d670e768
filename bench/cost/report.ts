/** What was measured, as tables. */

import type { Row } from "../lib/table.ts";
import { count, percentile, table } from "../lib/table.ts";
import type { ColdResult } from "./cold.ts";
import type { Result, Round } from "./compare.ts";
import type { Contender } from "./contenders.ts";
import { titleOf } from "./contenders.ts";
import type { LineResult, PointResult } from "./growth.ts";

/** What must not be. Others may answer twice and lose count: the table says how often. */
export function brokenIn(results: Map<string, Result>): string[] {
  return [...results].flatMap(([name, { rounds }]) => {
    const sum = (figure: (round: Round) => number) => rounds.reduce((total, round) => total + figure(round), 0);
    if (name !== "halley") return [];
    const extra = sum((round) => round.extra);
    const uncounted = sum((round) => round.uncounted);
    return [
      ...(extra === 0 ? [] : [`${name}: ${extra} replies too many`]),
      ...(uncounted === 0 ? [] : [`${name}: its state has lost count of ${uncounted} turns`]),
    ];
  });
}

export function compareTables(contenders: Contender[], results: Map<string, Result>): string {
  const row = (contender: Contender, cells: (result: Result) => string[]): Row => ({
    label: titleOf(contender),
    cells: cells(results.get(contender.name)!),
  });
  const cost = contenders.map((contender) =>
    row(contender, ({ rounds }) => {
      const ratios = rounds.map(({ ratio }) => ratio).sort((one, other) => one - other);
      return [
        `${middle(ratios).toFixed(2)}`,
        `${ratios[0]!.toFixed(2)} to ${ratios.at(-1)!.toFixed(2)}`,
        of(rounds, ({ cpuMs }) => cpuMs).toFixed(2),
        `${Math.round(of(rounds, ({ memory }) => memory) / 2 ** 20)} MB`,
        time(rounds, "acknowledgements", 0.5),
        time(rounds, "acknowledgements", 0.99),
        time(rounds, "replies", 0.5),
        time(rounds, "replies", 0.99),
      ];
    }),
  );
  const asked = contenders.map((contender) =>
    row(contender, ({ counted, gzip, rounds }) => [
      each(counted["rows"]),
      each(counted["alarms"]),
      each(counted["statements"]),
      each(counted["rowsRead"]),
      count(Math.round(counted["bytes"] ?? 0)),
      each(counted["kv"]),
      `${Math.round(gzip / 1024)} KB`,
      count(rounds.reduce((sum, { unanswered }) => sum + unanswered, 0)),
      count(rounds.reduce((sum, { extra }) => sum + extra, 0)),
      contender.isStateless ? "–" : count(rounds.reduce((sum, { uncounted }) => sum + uncounted, 0)),
      contender.promise,
    ]),
  );
  return [
    table(["for each callback answered", "CPU, ratio", "of rounds", "CPU, ms", "memory", "200, p50", "p99", "reply, p50", "p99"], cost),
    table(["for each callback answered", "rows written", "alarms set", "statements", "rows read", "bytes stored", "KV", "gzip", "never answered", "replies too many", "turns lost count of", "promise"], asked),
  ]
    .map((words) => `\n${words}`)
    .join("\n");
}

/** More than this is no noise. */
const FLAT = 1.3;

/**
 * What grows by more than what the line varies: in the last step, because a first point may be cheaper by a constant (SQLite reads
 * one row to delete one, and two each to delete several).
 */
export function steepIn(lines: LineResult[]): string[] {
  return lines.flatMap(({ name, points }) =>
    figures.flatMap(({ label, of: figure }) => {
      const { grown, by } = growthOf(points.slice(-2), figure);
      return grown > by * FLAT ? [`growth, ${name}: ${label} grow ${grown.toFixed(1)} times where it grows ${by} times`] : [];
    }),
  );
}

export function growthTables(lines: LineResult[]): string {
  return lines.map(growthTable).join("\n");
}

function growthTable({ varies, note, points }: LineResult): string {
  const rows = points.map(({ at, cpuMs, memory, writtenBytes, counted }) => ({
    label: at,
    cells: [
      middle(cpuMs).toFixed(2),
      `${cpuMs[0]!.toFixed(2)} to ${cpuMs.at(-1)!.toFixed(2)}`,
      each(counted["rows"]),
      each(counted["alarms"]),
      each(counted["statements"]),
      each(counted["rowsRead"]),
      count(Math.round(counted["bytes"] ?? 0)),
      count(Math.round(writtenBytes)),
      `${Math.round(memory / 2 ** 20)} MB`,
    ],
  }));
  const head = [varies, "CPU, ms", "of windows", "rows written", "alarms set", "statements", "rows read", "bytes stored", "bytes written", "memory"];
  const growing = figures.flatMap(({ label, of: figure }) => {
    const { grown, by } = growthOf(points, figure);
    return grown > FLAT ? [`${label} ${grown.toFixed(1)} times where it grows ${count(by)} times`] : [];
  });
  const verdict = growing.length === 0 ? "Flat." : `Grows: ${growing.join(", ")}. ${note}`;
  return `\n${table(head, rows)}\n${verdict}`;
}

const figures: { label: string; of: (point: PointResult) => number }[] = [
  { label: "CPU", of: ({ cpuMs }) => middle(cpuMs) },
  { label: "rows written", of: ({ counted }) => counted["rows"] ?? 0 },
  { label: "rows read", of: ({ counted }) => counted["rowsRead"] ?? 0 },
  { label: "bytes stored", of: ({ counted }) => counted["bytes"] ?? 0 },
];

/** The last point beside the first. */
function growthOf(points: PointResult[], figure: (point: PointResult) => number): { grown: number; by: number } {
  const [first, last] = [points[0]!, points.at(-1)!];
  return { grown: figure(last) / Math.max(figure(first), Number.EPSILON), by: last.x / first.x };
}

export function coldTable(results: ColdResult[]): string {
  const kilobytes = (bytes: number) => `${Math.round(bytes / 1024)} KB`;
  const times = (sorted: number[]) => [`${middle(sorted).toFixed(1)} ms`, `${sorted[0]!.toFixed(1)} to ${sorted.at(-1)!.toFixed(1)}`];
  const rows = results.map(({ raw, gzip, ms, cpuMs }) => ({ label: kilobytes(gzip), cells: [kilobytes(raw), ...times(ms), ...times(cpuMs)] }));
  const [first, last] = [results[0]!, results.at(-1)!];
  const slope = (of: (result: ColdResult) => number[]) => ((middle(of(last)) - middle(of(first))) / ((last.gzip - first.gzip) / 1024 / 100)).toFixed(1);
  const words = `From the smallest to the largest, each 100 KB after gzip: ${slope(({ ms }) => ms)} ms, CPU ${slope(({ cpuMs }) => cpuMs)} ms.`;
  return `\n${table(["wasm after gzip", "before", "start to first 200", "of starts", "CPU", "of starts"], rows)}\n${words}`;
}

function each(n = 0): string {
  return n.toFixed(2);
}

/** The median over rounds. */
function of(rounds: Round[], figure: (round: Round) => number): number {
  return middle(rounds.map(figure).sort((one, other) => one - other));
}

function middle(sorted: number[]): number {
  return sorted[sorted.length >> 1]!;
}

function time(rounds: Round[], which: "acknowledgements" | "replies", share: number): string {
  return `${of(rounds, (round) => percentile(round[which], share)!).toFixed(1)} ms`;
}
