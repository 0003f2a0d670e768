/** Who is measured, and what each is made of. */

import { readFileSync } from "node:fs";
import { join } from "node:path";

import { root } from "../../scripts/lib/paths.mjs";

export interface Contender {
  name: string;
  label: string;
  /** What it keeps when something fails, in a few words. */
  promise: string;
  /** Counts nothing, so there is nothing to lose count of. */
  isStateless?: true;
  /** Under `workers/`; none for Halley, which is built already. */
  source?: string;
  /** Its package, whose version is shown. */
  npm?: string;
  usesKv: boolean;
  /** Class of its Durable Objects, which all bind as `CONVERSATION`. */
  object?: "Conversation";
  /** Further classes that its module exports. */
  classes?: string[];
  flags: string[];
  /** A run in which it leaves a message unanswered has failed. The table says how many others leave. */
  mustAnswer?: true;
}

/** The yardstick: every ratio is to this one. */
export const YARDSTICK = "object";

const none = ["no_nodejs_compat", "no_nodejs_compat_v2"];
/** On by default since 2026-08-04. */
const node: string[] = [];

export const contenders: Contender[] = [
  { name: "stateless", label: "No state at all", promise: "none", isStateless: true, source: "stateless.js", usesKv: false, flags: none },
  { name: "kv", label: "Plain JavaScript, KV", promise: "none", source: "plain-kv.js", usesKv: true, flags: none },
  { name: "object", mustAnswer: true, label: "Plain JavaScript, Durable Object", promise: "at least once", source: "plain-object.js", usesKv: false, object: "Conversation", flags: none },
  { name: "halley", mustAnswer: true, label: "Halley", promise: "once, in order", usesKv: true, object: "Conversation", flags: none },
  { name: "agents", label: "Cloudflare Agents", promise: "at least once", source: "agents.js", npm: "agents", usesKv: false, object: "Conversation", flags: node },
  { name: "grammy", label: "grammY, KV session", promise: "none; answers before the 200", source: "grammy.js", npm: "grammy", usesKv: true, flags: node },
  { name: "chat", label: "Chat SDK, state in memory", promise: "order in one process", source: "chat.js", npm: "chat", usesKv: false, flags: node },
  { name: "chat-agents", label: "Chat SDK inside Cloudflare Agents", promise: "durable state", source: "chat-agents.js", npm: "chat", usesKv: false, object: "Conversation", classes: ["ChatSdkStateAgent"], flags: node },
];

/** With the version of its package, as it is installed. */
export function titleOf({ label, npm }: Contender): string {
  if (npm === undefined) return label;
  const { version } = JSON.parse(readFileSync(join(root, "bench/cost/node_modules", npm, "package.json"), "utf8")) as { version: string };
  return `${label} (${npm} ${version})`;
}
