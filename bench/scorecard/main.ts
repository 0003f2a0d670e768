/** `npm run scorecard`: see scripts/scorecard.mjs, which has read the command line. */

import { stopAll } from "../../scripts/lib/child.mjs";
import { conditions } from "../lib/conditions.ts";
import { progressOf } from "../lib/progress.ts";
import type { Row } from "../lib/table.ts";
import { count, ms, percentile, ratio, table } from "../lib/table.ts";
import { faults, makePlan } from "./plan.ts";
import type { AfterKill, Recovery, Result } from "./run.ts";
import { run } from "./run.ts";
import type { Trouble } from "./scenarios.ts";
import { scenario, SHARE_IN_TROUBLE } from "./scenarios.ts";

interface Options {
  seed: number;
  conversations: number;
  messages: number;
  kills: number;
  rate: number;
  /** Names of scenarios. */
  runs: string[];
  quick: boolean;
  pace: boolean;
  plain: boolean;
  explain: boolean;
  json: boolean;
}

/** Quiet conversations rest while the load goes on, so that kills meet that too. */
const REST_AFTER_SECONDS = 10;

/** How long CometChat takes to answer, when the pace is measured. */
const REST_MS = 1000;

const options = JSON.parse(process.argv[2] ?? "{}") as Options;
try {
  process.exitCode = options.pace ? await pace() : await promises();
} finally {
  await stopAll();
}

async function promises(): Promise<number> {
  const { seed, conversations, messages, kills, runs, plain, quick } = options;
  const scenarios = runs.map((name) => scenario(name, quick));
  const results: Result[] = [];
  for (const [index, { redelivery, settings, trouble }] of scenarios.entries()) {
    const progress = progressOf(`Run ${index + 1} of ${runs.length} (${runs[index]})`);
    results.push(
      await run({
        plan: makePlan({ seed, conversations, messages, kills, rate: rateOf(trouble) }),
        seed,
        redelivery,
        faults: { ...faults, ...settings },
        trouble,
        settings: { REST_AFTER_SECONDS },
        isCounted: !plain,
        untilRest: true,
        explain: options.explain,
        progress,
      }),
    );
  }
  const headings = scenarios.map(({ heading }) => heading);
  const broken = results.flatMap((result, index) => brokenIn(result).map((what) => `${headings[index]}: ${what}`));
  const about = { ...options, ...conditions(), faults, REST_AFTER_SECONDS, scenarios };
  if (options.json) {
    console.log(JSON.stringify({ conditions: about, results: results.map(inBrief), broken }, null, 2));
  } else {
    const { commit, build, date, machine } = about;
    const source = `commit ${commit}, wasm ${build}`;
    console.log(`\nReliability scorecard: seed ${seed}, ${source}, ${date}, ${machine}\n`);
    console.log(table(["", ...headings], promiseRows(results)));
    for (const [index, result] of results.entries()) console.log(`\n${headings[index]}: ${struck(result)}`);
    console.log(broken.length === 0 ? "\nEvery promise was kept." : `\nBROKEN: ${broken.join("\nBROKEN: ")}`);
  }
  for (const { evidence } of results) for (const words of evidence) console.error(words);
  return broken.length === 0 ? 0 : 1;
}

/** Slower than asked for where trouble is to come in the middle of what is said. */
function rateOf(trouble: Trouble | undefined): number {
  const { rate, messages } = options;
  return trouble === undefined ? rate : Math.min(rate, (SHARE_IN_TROUBLE * messages) / trouble.seconds);
}

/** What must not be. */
function brokenIn({ verdict, relief, isDrained, panics }: Result): string[] {
  const listed = (what: string, ids: string[]) => (ids.length === 0 ? [] : [`${what}: ${ids.length} (${ids.slice(0, 5).join(", ")})`]);
  return [
    ...listed("lost", verdict.lost),
    ...listed("answered twice", verdict.twice),
    ...listed("out of order", verdict.outOfOrder),
    // Faults alone may leave a message dead; trouble that is over after a while may not.
    ...listed("dead", relief === undefined ? [] : verdict.dead),
    ...listed("state gone back", verdict.rolledBack),
    ...listed("answers that nobody asked for", verdict.unexpected),
    ...listed("the worker's own accounts differ", verdict.disagreements),
    ...(isDrained ? [] : ["some messages have not ended in time"]),
    ...(panics === 0 ? [] : [`the worker has panicked: ${panics}`]),
  ];
}

function promiseRows(results: Result[]): Row[] {
  const row = (label: string, cell: (result: Result) => string): Row => ({ label, cells: results.map(cell) });
  const causes = [...new Set(results.flatMap(({ verdict }) => Object.keys(verdict.notAcknowledged)))];
  return [
    row("messages sent by people", ({ verdict }) => count(verdict.sent)),
    row("callbacks posted, duplicates and redeliveries included", ({ deliveries }) => count(deliveries.posted)),
    row("kills in mid-load", ({ recoveries }) => count(recoveries.length)),
    row("**received** (acknowledged with 200)", ({ verdict }) => count(verdict.received)),
    row("answered", ({ verdict }) => count(verdict.answered)),
    row("ignored, as the bot was told to", ({ verdict }) => count(verdict.ignored)),
    row("dead", ({ verdict }) => count(verdict.dead.length)),
    row("**lost**", ({ verdict }) => count(verdict.lost.length)),
    row("**answered twice**", ({ verdict }) => count(verdict.twice.length)),
    row("**out of order**", ({ verdict }) => count(verdict.outOfOrder.length)),
    row("bot's state gone back, or a turn counted twice", ({ verdict }) => count(verdict.rolledBack.length)),
    ...(causes.length === 0 ? [row("never acknowledged, and not redelivered", () => "0")] : []),
    ...causes.map((cause) =>
      row(`never acknowledged, and not redelivered (${cause})`, ({ verdict }) => count(verdict.notAcknowledged[cause] ?? 0)),
    ),
    row("dealt with though the 200 never arrived", ({ verdict }) => count(verdict.unacknowledged.answered + verdict.unacknowledged.ignored)),
    row("acknowledgement, p50", (result) => ms(percentile(result.acknowledgements, 0.5))),
    row("acknowledgement, p99", (result) => ms(percentile(result.acknowledgements, 0.99))),
    row("kill until the runtime listens again, median", (result) => ms(median(result, "outage"))),
    row("from then to the first answer, median", (result) => ms(median(result, "firstAnswer"))),
    row("messages in flight at a kill, median", (result) => String(median(result, "inFlight") ?? "–")),
    row("until half of those were answered, median", (result) => ms(median(result, "halfAnswered"))),
    row("until all of those were answered, median", (result) => ms(median(result, "allAnswered"))),
    ...(results.some(({ relief }) => relief) ? reliefRows(results) : []),
    ...(options.plain ? [] : costRows(results)),
  ];
}

function reliefRows(results: Result[]): Row[] {
  const row = (label: string, cell: (relief: Recovery) => string): Row => ({
    label,
    cells: results.map(({ relief }) => (relief === undefined ? "–" : cell(relief))),
  });
  return [
    row("messages in flight when outage or revocation ended", ({ inFlight }) => count(inFlight)),
    row("from then to the first answer", ({ firstAnswer }) => ms(firstAnswer)),
    row("until half of those were answered", ({ halfAnswered }) => ms(halfAnswered)),
    row("until all of those were answered", ({ allAnswered }) => ms(allAnswered)),
  ];
}

function costRows(results: Result[]): Row[] {
  const row = (label: string, sum: (cost: ReturnType<typeof costOf>) => number): Row => ({
    label: `${label} per answered message`,
    cells: results.map((result) => ratio(sum(costOf(result)), answeredIn(result))),
  });
  return [
    row("object requests (alarms included)", ({ requests }) => requests),
    row("rows written (alarms included)", ({ rows }) => rows),
    row("KV operations", ({ kv }) => kv),
    row("REST calls", ({ rest }) => rest),
  ];
}

/** Of those that were answered, also without a 200: each has cost something. */
function answeredIn({ verdict }: Result): number {
  return verdict.answered + verdict.unacknowledged.answered;
}

/** What the run has cost: ignored messages, duplicates, looks and rests too, but not what the scorecard itself asked. */
function costOf({ counted, calls }: Result): { requests: number; rows: number; kv: number; rest: number } {
  const sum = (...names: string[]) => names.reduce((total, name) => total + (counted[name] ?? 0), 0);
  const kv = Object.keys(counted).filter((name) => name.startsWith("object.kv."));
  return {
    requests: sum("object.fetch/receive", "object.alarm"),
    rows: sum("object.rows", "object.setAlarm", "object.deleteAlarm"),
    kv: sum(...kv),
    rest: Object.values(calls).reduce((total, n) => total + n, 0),
  };
}

function median({ recoveries }: Result, figure: keyof AfterKill): number | undefined {
  const values = recoveries.flatMap((recovery) => recovery[figure] ?? []).sort((one, other) => one - other);
  return values[values.length >> 1];
}

function struck({ faults: struckBy, calls, deliveries, verdict, recoveries, seconds }: Result): string {
  const list = (counts: Record<string, number>) => Object.entries(counts).map(([what, n]) => `${what} ${count(n)}`).join(", ");
  return [
    `${seconds} s. Faults: ${list(struckBy)}.`,
    `Calls: ${list(calls)}.`,
    `Callbacks: accepted ${count(deliveries.accepted)}, duplicate ${count(deliveries.duplicate)}, failed ${count(deliveries.failed)}.`,
    `Order beyond doubt for ${Math.round(verdict.orderKnown * 100)}% of neighbours.`,
    `Kills: ${recoveries.map(({ outage, inFlight, firstAnswer, allAnswered }) => `${ms(outage)} down, ${inFlight} in flight, first answer after ${ms(firstAnswer)}, all after ${ms(allAnswered)}`).join("; ")}.`,
  ].join("\n  ");
}

async function pace(): Promise<number> {
  const { seed, conversations, messages, rate } = options;
  const result = await run({
    plan: makePlan({ seed, conversations, messages, kills: 0, rate, only: "echo" }),
    seed,
    redelivery: "none",
    faults: { restSlow: 1, restSlowMs: REST_MS },
    // What resting costs is left out.
    settings: { REST_AFTER_SECONDS: 3600 },
    isCounted: true,
    untilRest: false,
    explain: options.explain,
    progress: progressOf("Pace"),
  });
  const { acknowledgements: times, counted, verdict, deliveries } = result;
  const broken = brokenIn(result);
  const front = Object.keys(counted).filter((name) => name.startsWith("front.") && name !== "front.hop/receive" && name !== "front.hop/view");
  const rows: Row[] = [
    { label: "messages", cells: [count(verdict.sent)] },
    { label: "acknowledged", cells: [count(verdict.received)] },
    { label: "acknowledgement, p50", cells: [ms(percentile(times, 0.5))] },
    { label: "acknowledgement, p99", cells: [ms(percentile(times, 0.99))] },
    { label: "acknowledgement, longest", cells: [ms(times.at(-1))] },
    { label: "platform calls awaited by the front worker before a 200", cells: [ratio(counted["front.hop/receive"] ?? 0, deliveries.posted)] },
    { label: "of them other than the hop to the object", cells: [ratio(front.reduce((sum, name) => sum + (counted[name] ?? 0), 0), deliveries.posted)] },
    { label: "rows written per message", cells: [ratio(costOf(result).rows, verdict.answered)] },
    { label: "of them alarms", cells: [ratio(counted["object.setAlarm"] ?? 0, verdict.answered)] },
    { label: "object requests per message", cells: [ratio(costOf(result).requests, verdict.answered)] },
    { label: "KV operations per message", cells: [ratio(costOf(result).kv, verdict.answered)] },
    { label: "REST calls per message", cells: [ratio(costOf(result).rest, verdict.answered)] },
  ];
  if (options.json) {
    console.log(JSON.stringify({ conditions: { ...options, ...conditions(), restMs: REST_MS }, result: inBrief(result), broken }, null, 2));
  } else {
    const { commit, build, date, machine } = conditions();
    const source = `commit ${commit}, wasm ${build}`;
    console.log(`\n${rate} messages a second in ${conversations} conversations, REST answers after ${ms(REST_MS)}: seed ${seed}, ${source}, ${date}, ${machine}\n`);
    console.log(table(["", "figure"], rows));
    if (broken.length > 0) console.log(`\nBROKEN: ${broken.join("\nBROKEN: ")}`);
  }
  for (const words of result.evidence) console.error(words);
  return broken.length === 0 ? 0 : 1;
}

/** Without thousands of times. */
function inBrief({ acknowledgements: times, evidence: _, ...result }: Result) {
  const at = (share: number) => percentile(times, share);
  return { ...result, acknowledgement: { p50: at(0.5), p90: at(0.9), p99: at(0.99), longest: times.at(-1) } };
}
