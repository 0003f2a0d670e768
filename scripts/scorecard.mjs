// npm run scorecard

import { main } from "./lib/main.mjs";
import { readOptions } from "./lib/options.mjs";
import { program } from "./lib/paths.mjs";
import { Problem } from "./lib/problem.mjs";
import { inView } from "./lib/run.mjs";
import { buildWorker, release } from "./lib/worker.mjs";

const help = `
Usage: npm run scorecard [-- options]

Runs the release build in workerd against the emulator with its faults on, kills it in mid-load, starts it again on the
same storage, and prints what became of every message. Takes six to eight minutes; all traffic stays on this machine.
Exits with 1 when a promise is broken: a message lost, answered twice or out of order.

Options:
  --quick                  40 conversations, 600 messages, 2 kills and one kind of redelivery: one to two minutes
  --seed NUMBER            what is said, which faults strike and when kills come (default 1)
  --conversations NUMBER   default 200
  --messages NUMBER        default 5000
  --kills NUMBER           default 5
  --rate NUMBER            messages a second (default 50)
  --redelivery HOW         what CometChat does with a callback that was not answered with 200: never, or seconds such as
                           10,30 (default: a run of each of these two)
  --plain                  do not count what the worker asks of the platform: it then runs without a wrapper around it
  --explain                also print everything that was seen of the three messages that took the longest
  --pace NUMBER            another measurement: as many messages a second for half a minute, no faults and no kills, the
                           REST API taking 1 s to answer
  --json                   print JSON; progress goes to standard error
`;

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
    redelivery: text,
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
    redelivery: redelivery(given.redelivery ?? (quick ? "10,30" : undefined)),
    pace: pace !== undefined,
    plain: given.plain,
    explain: given.explain,
    json: given.json,
  };
  await buildWorker(release);
  const node = ["--disable-warning=ExperimentalWarning", "bench/scorecard/main.ts"];
  return inView(program.node, [...node, JSON.stringify(options)]);
});

/** @param {string} option @param {string} value @param {number} least @param {number} greatest */
function whole(option, value, least, greatest) {
  const number = Number(value);
  if (value.trim() !== "" && Number.isInteger(number) && number >= least && number <= greatest) return number;
  throw new Problem(`${option} takes a whole number from ${least} to ${greatest}, not ${JSON.stringify(value)}.`);
}

/** @param {string | undefined} value */
function redelivery(value) {
  if (value === undefined) return ["none", "10,30"];
  if (value === "never") return ["none"];
  if (/^\d{1,3}(,\d{1,3}){0,4}$/.test(value)) return [value];
  throw new Problem(`--redelivery takes never, or seconds such as 10,30, not ${JSON.stringify(value)}.`);
}
