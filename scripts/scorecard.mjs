// npm run scorecard

import { main } from "./lib/main.mjs";
import { chosen, readOptions, whole } from "./lib/options.mjs";
import { program } from "./lib/paths.mjs";
import { inView } from "./lib/run.mjs";
import { buildWorker, rehearsal } from "./lib/worker.mjs";

const help = `
Usage: npm run scorecard [-- options]

Runs the release build, with the bot \`rehearsal\`, in workerd against the emulator with its faults on, kills it in mid-load, starts it again on the
same storage, and prints what became of every message, a column for each run. All traffic stays on this machine.
Exits with 1 when a promise is broken: a message lost, answered twice, out of order, or dead in one of the two runs in
which none may be.

Options:
  --runs NAMES             which runs, separated by commas (default all of them, in this order):
                             chaos       faults and kills; CometChat never posts again what was not answered with 200
                             redelivery  the same, and CometChat does, after 10 s and 30 s, as in the runs below
                             outage      the REST API fails for 15 minutes, of which no message may be dead
                             key         the API key is revoked for 5 minutes, of which no message may be dead
                             history     pages of histories end early and have odd things in them
                           The first two and the last take about four minutes each, key ten or more, outage 25 or more
  --quick                  40 conversations, 600 messages, 2 kills, and 40 and 20 seconds in place of the minutes: a run
                           takes one to four minutes
  --seed NUMBER            what is said, which faults strike and when kills come (default 1)
  --conversations NUMBER   default 200
  --messages NUMBER        default 5000
  --kills NUMBER           default 5
  --rate NUMBER            messages a second (default 50); fewer in outage and key, so that they come before and after too
  --plain                  do not count what the worker asks of the platform: it then runs without a wrapper around it
  --explain                also print everything that was seen of the three messages that took the longest
  --pace NUMBER            another measurement: as many messages a second for half a minute, no faults and no kills, the
                           REST API taking 1 s to answer
  --json                   print JSON; progress goes to standard error
`;

/** What each does: bench/scorecard/scenarios.ts. */
const runs = ["chaos", "redelivery", "outage", "key", "history"];

const most = { conversations: 2_000, messages: 50_000, kills: 50, rate: 500 };

await main(async () => {
  const text = /** @type {const} */ ({ type: "string" });
  const flag = /** @type {const} */ ({ type: "boolean", default: false });
  const given = readOptions(help, {
    quick: flag,
    seed: text,
    conversations: text,
    messages: text,
    kills: text,
    rate: text,
    runs: text,
    plain: flag,
    explain: flag,
    pace: text,
    json: flag,
  });
  const { quick } = given;
  const pace = given.pace === undefined ? undefined : whole("--pace", given.pace, 1, most.rate);
  const rate = pace ?? whole("--rate", given.rate ?? (quick ? "20" : "50"), 1, most.rate);
  const options = {
    seed: whole("--seed", given.seed ?? "1", 0, 2 ** 31),
    conversations: whole("--conversations", given.conversations ?? (quick ? "40" : "200"), 1, most.conversations),
    messages: whole("--messages", given.messages ?? (pace ? String(30 * pace) : quick ? "600" : "5000"), 1, most.messages),
    kills: whole("--kills", given.kills ?? (quick ? "2" : "5"), 0, most.kills),
    rate,
    runs: chosen("--runs", given.runs, runs),
    quick,
    pace: pace !== undefined,
    plain: given.plain,
    explain: given.explain,
    json: given.json,
  };
  await buildWorker(rehearsal);
  const node = ["--disable-warning=ExperimentalWarning", "bench/scorecard/main.ts"];
  return inView(program.node, [...node, JSON.stringify(options)]);
});
