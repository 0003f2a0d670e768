// npm run build

import { main } from "./lib/main.mjs";
import { readOptions } from "./lib/options.mjs";
import { Problem } from "./lib/problem.mjs";
import { checkedSize, size } from "./lib/size.mjs";
import { buildWorker } from "./lib/worker.mjs";

const help = `
Usage: npm run build

Compiles the worker to build/index.js and build/index_bg.wasm, sets up first what that needs, and checks the size of
the result. Ends at once when neither the sources nor the result have changed since the last time.
`;

/** Whether `npm start` watches, and wrangler runs this after each change. */
const isReloading = process.env["HALLEY_RELOADING"] !== undefined;

await main(async () => {
  readOptions(help, {});
  let built;
  try {
    built = await buildWorker();
  } catch (error) {
    // A change that does not compile is an everyday thing then: the error is shown, and the former worker goes on. To a
    // failure wrangler would add a page about its own insides.
    if (!(isReloading && error instanceof Problem)) throw error;
    console.error(`\n${error.message}\nUntil then the former build goes on running.`);
    return;
  }
  // The budget is for what is deployed, not for what is being tried.
  console.log(`${built ? "Built" : "Up to date"}: ${isReloading ? size() : checkedSize()}`);
});
