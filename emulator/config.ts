/** The file behind `--config`: the options of `startEmulator` as JSON, checked before anything starts. */

import { readFileSync } from "node:fs";

import type { EmulatorOptions } from "./index.ts";
import { isHttpUrl } from "./settings.ts";
import { isObject } from "./validate.ts";

/** Something in the file is wrong. The message is one sentence that says what. */
export class ConfigError extends Error {}

type Check = (value: unknown) => string | undefined;

const text: Check = (value) => (typeof value === "string" && value !== "" ? undefined : "must be a text");
const number: Check = (value) => (Number.isSafeInteger(value) && Number(value) >= 0 ? undefined : "must be a number, whole and not negative");

/** What each option must be. Settings, rate limits and webhooks are checked where they are applied. */
const CHECKS: Record<keyof EmulatorOptions, Check> = {
  port: number,
  host: text,
  appId: text,
  region: text,
  apiKey: text,
  authKey: text,
  callbackUrl: (value) => (isHttpUrl(value) ? undefined : "must be an http or https URL"),
  world: checkWorld,
  seed: number,
  settings: object,
  rateLimit: object,
  webhooks: list,
  limits: (value) => object(value) ?? Object.values(value as object).map(number).find((problem) => problem !== undefined),
  firstMessageId: number,
};

/** @throws ConfigError */
export function readConfig(file: string): EmulatorOptions {
  let content: string;
  try {
    content = readFileSync(file, "utf8");
  } catch (error) {
    throw new ConfigError(`The file ${file} cannot be read: ${(error as NodeJS.ErrnoException).code}.`);
  }
  const options = parse(content);
  if (!isObject(options)) throw new ConfigError(`The file ${file} is not a JSON object.`);
  for (const [name, value] of Object.entries(options)) {
    const check = Object.hasOwn(CHECKS, name) ? CHECKS[name as keyof EmulatorOptions] : undefined;
    if (!check) throw new ConfigError(`In ${file}, "${name}" is not an option; there are ${Object.keys(CHECKS).join(", ")}.`);
    const problem = check(value);
    if (problem) throw new ConfigError(`In ${file}, ${name} ${problem}.`);
  }
  return options as EmulatorOptions;
}

function parse(content: string): unknown {
  try {
    return JSON.parse(content);
  } catch {
    return undefined;
  }
}

function object(value: unknown): string | undefined {
  return isObject(value) ? undefined : "must be an object";
}

function list(value: unknown): string | undefined {
  return Array.isArray(value) ? undefined : "must be a list";
}

function checkWorld(value: unknown): string | undefined {
  if (!isObject(value)) return "must be an object of users, bots and groups";
  const { users, bots, groups } = value;
  for (const [name, entries, keys] of [["users", users, ["uid", "name"]], ["bots", bots, ["uid", "webhookURL"]], ["groups", groups, ["guid", "name"]]] as const) {
    const whole = (entry: unknown) => isObject(entry) && keys.every((key) => text(entry[key]) === undefined);
    if (!Array.isArray(entries) || !entries.every(whole)) return `needs ${name}, a list of objects with ${keys.join(" and ")}`;
  }
  const uids = new Set((users as { uid: string }[]).map(({ uid }) => uid));
  const bot = (bots as { uid: string }[]).find(({ uid }) => !uids.has(uid));
  if (bot) return `needs a user for the bot ${bot.uid}`;
  const group = (groups as { guid: string; members: unknown }[]).find(({ members }) => !isObject(members));
  return group && `needs members of the group ${group.guid}, an object of UIDs and scopes`;
}
