// npm run bench

import { existsSync } from "node:fs";

import { main } from "./lib/main.mjs";
import { ensureCostPackages } from "./lib/npm.mjs";
import { chosen, readOptions, whole } from "./lib/options.mjs";
import { program } from "./lib/paths.mjs";
import { Problem } from "./lib/problem.mjs";
import { inView } from "./lib/run.mjs";
import { buildWorker, rehearsal } from "./lib/worker.mjs";

const help = `
Usage: npm run bench [-- options]

Measures what a callback costs, in workerd and on this machine: bench/README.md says how. Exits with 1 when a reply is
missing, or there is one too many. All traffic stays on this machine, which needs to be a Linux.

Options:
  --parts NAMES            which parts, separated by commas (default all of them, in this order):
                             compare     Halley beside plain JavaScript and other frameworks: about 25 minutes
                             growth      Halley alone, with more and more of everything: about twenty minutes, most of
                                         which fill a conversation with 100,000 messages
                             cold        what the size of the worker costs at a start from cold: about two minutes
  --only NAMES             of compare: which contenders, separated by commas: stateless, kv, object, halley, agents,
                           grammy, chat, chat-agents. object is always there: all ratios are to it
  --lines NAMES            of growth: which lines, separated by commas: behind, inbox, state, replies, conversations, routes
  --quick                  less of everything, about two minutes in all; for a look and not for a figure
  --rounds NUMBER          of compare: default 5
  --messages NUMBER        of compare: callbacks a round, default 2000
  --conversations NUMBER   of compare: default 200
  --at-once NUMBER         callbacks that wait for their 200 at a time (default 16)
  --json                   print JSON; progress goes to standard error
`;

const names = {
  parts: ["compare", "growth", "cold"],
  only: ["stateless", "kv", "object", "halley", "agents", "grammy", "chat", "chat-agents"],
  lines: ["behind", "inbox", "state", "replies", "conversations", "routes"],
};

await main(async () => {
  const text = /** @type {const} */ ({ type: "string" });
  const flag = /** @type {const} */ ({ type: "boolean", default: false });
  const given = readOptions(help, {
    parts: text,
    only: text,
    lines: text,
    quick: flag,
    rounds: text,
    messages: text,
    conversations: text,
    "at-once": text,
    json: flag,
  });
  const { quick, json } = given;
  const options = {
    parts: chosen("--parts", given.parts, names.parts),
    only: chosen("--only", given.only, names.only),
    lines: chosen("--lines", given.lines, names.lines),
    rounds: whole("--rounds", given.rounds ?? (quick ? "1" : "5"), 1, 50),
    messages: whole("--messages", given.messages ?? (quick ? "200" : "2000"), 1, 50_000),
    conversations: whole("--conversations", given.conversations ?? (quick ? "20" : "200"), 1, 2_000),
    atOnce: whole("--at-once", given["at-once"] ?? "16", 1, 100),
    quick,
    json,
  };
  if (!existsSync("/proc/self/stat")) {
    throw new Problem("npm run bench reads what a process has used from /proc, which only Linux has: run it there, or in a container.");
  }
  await buildWorker(rehearsal);
  if (options.parts.includes("compare")) await ensureCostPackages();
  const node = ["--disable-warning=ExperimentalWarning", "bench/cost/main.ts"];
  return inView(program.node, [...node, JSON.stringify(options)]);
});
