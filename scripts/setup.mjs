// npm run setup

import { main } from "./lib/main.mjs";
import { readOptions } from "./lib/options.mjs";
import { setUp } from "./lib/setup.mjs";

const help = `
Usage: npm run setup

Installs what building and testing need, all of it inside this folder except for Rust's wasm target:
  node_modules   wrangler, a pinned Node, wasm-opt, esbuild (npm ci)
  .tools         worker-build and the wasm-bindgen that fits Cargo.lock (built from source, 3 to 4 minutes)

What is there already is left alone, so that running it again costs nothing. \`npm start\`, \`npm test\` and
\`npm run build\` do this by themselves.
`;

await main(async () => {
  readOptions(help, {});
  await setUp();
  console.log("Everything is set up.");
});
