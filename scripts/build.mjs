// npm run build

import { main } from "./lib/main.mjs";
import { readOptions } from "./lib/options.mjs";
import { checkedSize } from "./lib/size.mjs";
import { buildWorker } from "./lib/worker.mjs";

const help = `
Usage: npm run build

Compiles the worker to build/index.js and build/index_bg.wasm, sets up first what that needs, and checks the size of
the result. Ends at once when neither the sources nor the result have changed since the last time.
`;

await main(async () => {
  readOptions(help, {});
  const built = await buildWorker();
  console.log(`${built ? "Built" : "Up to date"}: ${checkedSize()}`);
});
