/** What was measured, as tables. */

import type { Row } from "../lib/table.ts";
import { count, percentile, table } from "../lib/table.ts";
import type { Result, Round } from "./compare.ts";
import type { Contender } from "./contenders.ts";
import { titleOf, YARDSTICK } from "./contenders.ts";

/** What must not be. Who promises nothing may lose count. */
export function brokenIn(results: Map<string, Result>): string[] {
  return [...results].flatMap(([name, { rounds }]) => {
    const extra = rounds.reduce((sum, round) => sum + round.extra, 0);
    return extra === 0 ? [] : [`${name}: ${extra} replies too many`];
  });
}

export function compareTables(contenders: Contender[], results: Map<string, Result>): string {
  const row = (contender: Contender, cells: (result: Result) => string[]): Row => ({
    label: titleOf(contender),
    cells: cells(results.get(contender.name)!),
  });
  const yardstick = results.get(YARDSTICK)!.rounds;
  const cost = contenders.map((contender) =>
    row(contender, ({ rounds }) => {
      const ratios = rounds.map(({ cpuMs }, n) => cpuMs / yardstick[n]!.cpuMs).sort((one, other) => one - other);
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
      count(rounds.reduce((sum, { uncounted }) => sum + uncounted, 0)),
      contender.promise,
    ]),
  );
  return [
    table(["for each callback answered", "CPU, ratio", "of rounds", "CPU, ms", "memory", "200, p50", "p99", "reply, p50", "p99"], cost),
    table(["for each callback answered", "rows written", "alarms set", "statements", "rows read", "bytes stored", "KV", "gzip", "turns lost count of", "promise"], asked),
  ]
    .map((words) => `\n${words}`)
    .join("\n");
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
