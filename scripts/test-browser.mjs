// npm run test:browser

import { findChromium } from "./lib/chromium.mjs";
import { main } from "./lib/main.mjs";
import { readOptions } from "./lib/options.mjs";
import { program } from "./lib/paths.mjs";
import { inView } from "./lib/run.mjs";
import { setUp } from "./lib/setup.mjs";
import { buildWorker, rehearsal } from "./lib/worker.mjs";

const help = `
Usage: npm run test:browser [-- --only TEXT]

Drives the chat page in a real Chromium, against the built worker in workerd. The browser is CHROMIUM_PATH, or the
first one on the PATH. With --only, just the tests whose name contains the text.
`;

await main(async () => {
  const { only } = readOptions(help, { only: { type: "string" } });
  const chromium = findChromium();
  await setUp();
  await buildWorker(rehearsal);
  const chosen = only === undefined ? [] : ["--test-name-pattern", only.replace(/[\\^$.*+?()[\]{}|]/g, "\\$&")];
  return inView(
    program.node,
    [
      // For node:sqlite, which is said to be experimental.
      "--disable-warning=ExperimentalWarning",
      // One browser at a time: what is tested is the page, and a machine that is too busy tests itself.
      ...["--test", "--test-reporter=spec", "--test-timeout=120000", "--test-concurrency=1"],
      ...chosen,
      "tests/browser/*.test.ts",
    ],
    { env: { ...process.env, CHROMIUM_PATH: chromium } },
  );
});
