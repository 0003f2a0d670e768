// npm start

import { rm } from "node:fs/promises";
import { join } from "node:path";

import { endsWhenAsked } from "./lib/child.mjs";
import { local, workerSettings } from "./lib/local.mjs";
import { main } from "./lib/main.mjs";
import { readOptions } from "./lib/options.mjs";
import { devScript, program, root } from "./lib/paths.mjs";
import { checkFree, readPort } from "./lib/port.mjs";
import { step } from "./lib/progress.mjs";
import { startService } from "./lib/service.mjs";
import { setUp } from "./lib/setup.mjs";
import { buildWorker, dev } from "./lib/worker.mjs";

const help = `
Usage: npm start [-- options]

Sets up what is missing, builds the worker, and runs it with wrangler beside an emulator of CometChat. A change under
src/ rebuilds and reloads the worker; it is not optimised here, so that this takes seconds. Ctrl-C stops everything.

Options:
  --port NUMBER            of the worker (default 8787)
  --emulator-port NUMBER   of the emulator (default 4100)
  --verbose                show wrangler's and the emulator's output from the beginning
`;

const wranglerEnvironment = {
  // Nothing is fetched, nothing is reported.
  CLOUDFLARE_CF_FETCH_ENABLED: "false",
  WRANGLER_SEND_METRICS: "false",
  // Of its `npm run build` only what the build itself says.
  npm_config_loglevel: "silent",
  // See scripts/build.mjs.
  HALLEY_DEV: "1",
};

/** The emulator forgets everything when it stops, so the worker must not remember its message ids. */
const state = join(root, ".wrangler", "start");

await main(async () => {
  const options = readOptions(help, {
    port: { type: "string", default: "8787" },
    "emulator-port": { type: "string", default: "4100" },
    verbose: { type: "boolean", default: false },
  });
  const port = readPort("--port", options.port);
  const emulatorPort = readPort("--emulator-port", options["emulator-port"]);
  await checkFree(port, "npm start -- --port");
  await checkFree(emulatorPort, "npm start -- --emulator-port");

  await setUp();
  await buildWorker(dev);
  endsWhenAsked();

  const worker = `http://127.0.0.1:${port}`;
  const emulator = `http://127.0.0.1:${emulatorPort}`;
  const callback = `${worker}/callback/demo_bot`;
  await rm(state, { recursive: true, force: true });
  const services = await step("Starting the emulator and the worker", "a few seconds", () =>
    Promise.all([
      startService(
        { name: "The emulator", url: emulator, inView: options.verbose },
        program.node,
        [join("emulator", "main.ts"), "--port", String(emulatorPort), "--callback-url", callback],
      ),
      startService(
        { name: "wrangler", url: `${worker}/health`, inView: options.verbose },
        program.node,
        [program.wrangler, "dev", devScript, ...wranglerOptions(port, `${emulator}/v3`)],
        wranglerEnvironment,
      ),
    ]),
  );

  console.log(whatNext(worker, emulator, callback));
  return Promise.race(services.map((service) => service.end));
});

/** @param {number} port @param {string} apiUrl */
function wranglerOptions(port, apiUrl) {
  const settings = Object.entries(workerSettings(apiUrl)).flatMap(([name, value]) => ["--var", `${name}:${value}`]);
  return [
    "--local",
    "--show-interactive-dev-session=false",
    ...["--ip", "127.0.0.1", "--port", String(port), "--inspector-port", "0"],
    ...["--persist-to", state],
    ...settings,
  ];
}

/** @param {string} worker @param {string} emulator @param {string} callback */
function whatNext(worker, emulator, callback) {
  const credentials = `${local.callbackUsername}:${local.callbackPassword}`;
  const sample = "@tests/fixtures/bot-callback-sample.json";
  return `
Halley is running. Talk to the bot in a browser:

  ${emulator}

The worker is at ${worker}. Its operator's routes (docs/reference.md) take the token ${local.adminToken}.

Without a browser, send it the message that CometChat documents (from this folder, in another terminal):

  curl -i -u ${credentials} -H 'Content-Type: application/json' --data-binary ${sample} ${callback}

See what it has answered:

  curl -s -H 'apikey: ${local.apiKey}' -H 'onBehalfOf: demo_bot' ${emulator}/v3/users/cometchat-uid-1/messages

The bot is src/bots/assistant.rs: when you save a change, the worker is rebuilt and reloaded. Ctrl-C stops everything.
`;
}
