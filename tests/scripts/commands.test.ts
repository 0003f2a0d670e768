/** What the commands say when they are asked for help, or cannot do what they are asked for. */

import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { once } from "node:events";
import type { AddressInfo } from "node:net";
import { createServer } from "node:net";
import { join } from "node:path";
import { test } from "node:test";

import { root } from "../../scripts/lib/paths.mjs";

function run(script: string, ...args: string[]) {
  const { status, stdout, stderr } = spawnSync(process.execPath, [join(root, "scripts", script), ...args], {
    cwd: root,
    encoding: "utf8",
    timeout: 30_000,
  });
  return { status, stdout, stderr: stderr.trim() };
}

for (const [command, script] of [
  ["npm start", "start.mjs"],
  ["npm test", "test.mjs"],
  ["npm run test:browser", "test-browser.mjs"],
  ["npm run test:mutations", "mutations.mjs"],
  ["npm run scorecard", "scorecard.mjs"],
  ["npm run bench", "bench.mjs"],
  ["npm run setup", "setup.mjs"],
  ["npm run build", "build.mjs"],
  ["npm run deploy", "deploy.mjs"],
] as const) {
  test(`${command} -- --help`, () => {
    const { status, stdout, stderr } = run(script, "--help");
    assert.deepEqual([status, stderr], [0, ""]);
    assert.ok(stdout.startsWith(`Usage: ${command}`), stdout);
  });
}

test("what cannot be done is one sentence with the cure", () => {
  for (const [script, args, message] of [
    ["start.mjs", ["--port", "http"], '--port takes a number from 1 to 65535, not "http".'],
    ["start.mjs", ["--emulator-port", "0"], '--emulator-port takes a number from 1 to 65535, not "0".'],
    ["start.mjs", ["--prot", "1"], "Unknown option '--prot'. See --help."],
    ["scorecard.mjs", ["--runs", "key,often"], '--runs takes chaos, redelivery, outage, key, history, separated by commas, not "often".'],
    ["bench.mjs", ["--only", "bolt"], '--only takes stateless, kv, object, halley, agents, grammy, chat, chat-agents, separated by commas, not "bolt".'],
    ["test.mjs", ["--only", "everything"], 'There is no step named "everything": see npm test -- --help.'],
  ] as const) {
    const { status, stderr } = run(script, ...args);
    assert.deepEqual([status, stderr], [1, message]);
  }
});

test("npm start does not begin when a port is in use", async () => {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  try {
    for (const option of ["--port", "--emulator-port"]) {
      const { status, stderr } = run("start.mjs", ...(option === "--port" ? [] : ["--port", "1024"]), option, String(port));
      assert.equal(
        stderr,
        `Port ${port} is in use: stop what listens there, or choose another with \`npm start -- ${option} NUMBER\`.`,
      );
      assert.equal(status, 1);
    }
  } finally {
    server.close();
  }
});
