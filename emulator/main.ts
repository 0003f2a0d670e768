/** The emulator on the command line. `--help` says everything. */

import { parseArgs } from "node:util";

import { ConfigError, readConfig } from "./config.ts";
import type { EmulatorOptions } from "./index.ts";
import { SettingError, startEmulator, StartError } from "./index.ts";
import { descriptors } from "./settings.ts";

/** The chat page's usual port. */
const DEFAULT_PORT = 4100;

/** When ids start counting: they then grow from one start to the next, so a bot that kept old ones is not misled. */
const IDS_BEGAN = Date.UTC(2020, 0, 1) / 1000;

const HELP = `A local CometChat: REST API, callbacks to bots, a chat page, and faults on demand.

Usage: node emulator/main.ts [options]

  --port PORT            Where to listen; 0 takes a free port. Default ${DEFAULT_PORT}.
  --host HOST            Default 127.0.0.1: this machine only.
  --callback-url URL     Where the bot demo_bot hears. Default http://127.0.0.1:8787/callback/demo_bot.
  --config FILE.json     Options from a file, by the names of EmulatorOptions in emulator/index.ts. The command line wins.
  --set NAME=VALUE       Set a switch or a fault. May be repeated.
  --list                 Print all switches and faults, and stop.
  --seed NUMBER          What faults are drawn from. Default 1.
  --max-messages N       Messages kept; beyond it the oldest go. Default 200000.
  --max-exchanges N      Callbacks and REST calls kept for the inspector. Default 5000.
  --first-message-id N   Default: the seconds since 2020, so that ids grow from one start to the next.
  --json                 Print one line of JSON when ready: url, apiUrl, appId, region, apiKey.
  --help                 Print this, and stop.
`;

/** Something the caller did wrong. The message is one sentence that says what to do. */
class UsageError extends Error {}

const OPTIONS = {
  port: { type: "string" },
  host: { type: "string" },
  "callback-url": { type: "string" },
  config: { type: "string" },
  set: { type: "string", multiple: true },
  list: { type: "boolean" },
  seed: { type: "string" },
  "max-messages": { type: "string" },
  "max-exchanges": { type: "string" },
  "first-message-id": { type: "string" },
  json: { type: "boolean" },
  help: { type: "boolean", short: "h" },
} as const;

async function main(): Promise<void> {
  const flags = readFlags();
  if (flags.help) return print(HELP);
  if (flags.list) return print(flags.json ? `${JSON.stringify(descriptors(), null, 2)}\n` : listSettings());
  const emulator = await startEmulator(readOptions(flags));
  const stop = () => void emulator.close().then(() => process.exit(0));
  process.once("SIGINT", stop);
  process.once("SIGTERM", stop);
  const { url, apiUrl, appId, region, apiKey } = emulator;
  if (flags.json) {
    print(`${JSON.stringify({ url, apiUrl, appId, region, apiKey })}\n`);
  } else {
    const bots = emulator.state().bots.map(({ bot }) => `  Callbacks   ${bot.uid} at ${bot.webhookURL}\n`);
    print(`CometChat emulator, app ${appId} (${region})\n  Chat page   ${url}/\n  REST API    ${apiUrl}, apikey ${apiKey}\n${bots.join("")}`);
  }
}

function readFlags() {
  try {
    return parseArgs({ options: OPTIONS, strict: true, allowPositionals: false }).values;
  } catch (error) {
    throw new UsageError(`${(error as Error).message.split(". ")[0]}; --help lists what there is.`);
  }
}

function readOptions(flags: ReturnType<typeof readFlags>): EmulatorOptions {
  const file = flags.config === undefined ? {} : readConfig(flags.config);
  const settings = { ...file.settings };
  for (const assignment of flags.set ?? []) {
    const [, name, value] = /^([^=]+)=(.*)$/s.exec(assignment) ?? [];
    if (name === undefined || value === undefined) throw new UsageError(`--set needs NAME=VALUE, not ${JSON.stringify(assignment)}.`);
    settings[name] = value;
  }
  const seed = wholeNumber("seed", flags.seed);
  const messages = wholeNumber("max-messages", flags["max-messages"]);
  const exchanges = wholeNumber("max-exchanges", flags["max-exchanges"]);
  const port = wholeNumber("port", flags.port) ?? file.port ?? DEFAULT_PORT;
  if (port > 65_535) throw new UsageError("--port must be from 0 to 65535.");
  if (flags["callback-url"] !== undefined && !/^https?:\/\//.test(flags["callback-url"])) {
    throw new UsageError("--callback-url must start with http:// or https://.");
  }
  return {
    ...file,
    port,
    settings,
    firstMessageId: wholeNumber("first-message-id", flags["first-message-id"]) ?? file.firstMessageId ?? Math.floor(Date.now() / 1000) - IDS_BEGAN,
    limits: { ...file.limits, ...(messages !== undefined && { messages }), ...(exchanges !== undefined && { exchanges }) },
    ...(flags.host !== undefined && { host: flags.host }),
    ...(flags["callback-url"] !== undefined && { callbackUrl: flags["callback-url"] }),
    ...(seed !== undefined && { seed }),
  };
}

function wholeNumber(name: string, text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  if (/^\d{1,15}$/.test(text)) return Number(text);
  throw new UsageError(`--${name} must be a whole number, not ${JSON.stringify(text)}.`);
}

function listSettings(): string {
  return descriptors()
    .map(({ name, default: value, choices, description, whatIsKnown }) => {
      const among = choices ? `  (${choices.join(", ")})` : "";
      return `${name}=${value}${among}\n    ${description}\n    ${whatIsKnown}\n`;
    })
    .join("");
}

function print(text: string): void {
  process.stdout.write(text);
}

try {
  await main();
} catch (error) {
  const misused = error instanceof UsageError || error instanceof ConfigError || error instanceof SettingError;
  console.error(misused || error instanceof StartError ? error.message : error);
  process.exitCode = misused ? 2 : 1;
}
