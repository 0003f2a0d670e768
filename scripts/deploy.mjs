// npm run deploy

import { main } from "./lib/main.mjs";
import { program } from "./lib/paths.mjs";
import { inView } from "./lib/run.mjs";
import { checkedSize } from "./lib/size.mjs";
import { buildWorker, release } from "./lib/worker.mjs";

const help = `
Usage: npm run deploy [-- options of wrangler deploy]

Builds the worker and deploys it to the Cloudflare account that wrangler is logged in to. Options are passed on to
wrangler: \`npm run deploy -- --dry-run\` shows what would be deployed.
`;

await main(async () => {
  const options = process.argv.slice(2);
  if (options.includes("--help") || options.includes("-h")) {
    console.log(help.trim());
    return 0;
  }
  await buildWorker(release);
  console.log(checkedSize());
  return inView(program.node, [program.wrangler, "deploy", ...options]);
});
