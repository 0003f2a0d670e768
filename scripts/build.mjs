// npm run build

import { main } from "./lib/main.mjs";
import { readOptions } from "./lib/options.mjs";
import { Problem } from "./lib/problem.mjs";
import { checkedSize } from "./lib/size.mjs";
import { buildWorker } from "./lib/worker.mjs";

const help = `
Usage: npm run build

Compiles the worker to build/index.js and build/index_bg.wasm, sets up first what that needs, and checks the size of
the result. Ends at once when neither the sources nor the result have changed since the last time.
`;

await main(async () => {
  readOptions(help, {});
  try {
    const built = await buildWorker();
    console.log(`${built ? "Built" : "Up to date"}: ${checkedSize()}`);
  } catch (error) {
    // While `npm start` watches, a build that fails is an everyday thing: the error is shown and the former worker goes
    // on. wrangler would add a page about its own insides.
    if (!(error instanceof Problem && process.env["HALLEY_RELOADING"])) throw error;
    console.error(`\n${error.message}\nUntil then the former build goes on running.`);
  }
});
