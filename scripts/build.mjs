// npm run build

import { isStopping } from "./lib/child.mjs";
import { main } from "./lib/main.mjs";
import { readOptions } from "./lib/options.mjs";
import { Problem } from "./lib/problem.mjs";
import { checkedSize } from "./lib/size.mjs";
import { buildWorker, dev, rehearsal, release } from "./lib/worker.mjs";

const help = `
Usage: npm run build [-- --rehearsal]

Compiles the worker to build/index.js and build/index_bg.wasm, sets up first what that needs, and checks the size of
the result. Ends at once when neither the sources nor the result have changed since the last time.

  --rehearsal  also build what the tests and the scorecard run: the same with the bot \`rehearsal\`, in build/rehearsal
`;

await main(async () => {
  const options = readOptions(help, { rehearsal: { type: "boolean", default: false } });
  if (process.env["HALLEY_DEV"]) return rebuild();
  const built = await buildWorker(release);
  // Before the size is checked: a worker that is too big can still be tested.
  if (options.rehearsal) await buildWorker(rehearsal);
  console.log(`${built ? "Built" : "Up to date"}: ${checkedSize()}`);
});

/** What wrangler runs after each change while `npm start` is running. */
async function rebuild() {
  try {
    await buildWorker(dev);
  } catch (error) {
    // wrangler ends a build that a further change has overtaken: that one has nothing to say.
    if (isStopping()) return;
    // An everyday thing: the error is shown, and the former worker goes on. To a failure wrangler would add a page about
    // its own insides.
    if (!(error instanceof Problem)) throw error;
    console.error(`\n${error.message}\nUntil then the former build goes on running.`);
  }
}
