/** Two builds at a time: one waits for the other, and one that is overtaken says nothing. */

import assert from "node:assert/strict";
import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { pathToFileURL } from "node:url";

import { root } from "../../scripts/lib/paths.mjs";

const folder = mkdtempSync(join(tmpdir(), "halley-build-"));
after(() => rmSync(folder, { recursive: true }));

/** A script that runs `body` with the modules of `scripts/lib` that it names. */
function script(body: string, ...modules: string[]) {
  const imports = modules.map((name) => `import * as ${name} from ${JSON.stringify(pathToFileURL(join(root, "scripts", "lib", `${name}.mjs`)))};`);
  return [process.execPath, ["--input-type=module", "--eval", [...imports, body].join("\n")]] as const;
}

test("one waits for another, and not for one that was killed", async () => {
  const file = join(folder, "building");
  const log = join(folder, "log");
  writeFileSync(log, "");
  const [program, args] = script(
    `import { appendFileSync } from "node:fs";
    const say = (text) => appendFileSync(${JSON.stringify(log)}, text);
    await alone.alone(${JSON.stringify(file)}, async () => {
      say("(");
      await new Promise((resolve) => setTimeout(resolve, 100));
      say(")");
    });`,
    "alone",
  );
  const run = () => once(spawn(program, args, { stdio: "inherit" }), "close");
  await Promise.all([run(), run(), run()]);
  assert.equal(readFileSync(log, "utf8"), "()()()");
  // Of a script that has ended.
  writeFileSync(file, String(spawnSync(process.execPath, ["--version"]).pid));
  await run();
  assert.equal(readFileSync(log, "utf8"), "()()()()");
  assert.equal(existsSync(file), false);
});

test("one that is told to end says nothing of a failure", async () => {
  const words = { title: "Building", about: "a while", cure: "Correct the error above." };
  const [program, args] = script(
    `const words = ${JSON.stringify(words)};
    await main.main(() => run.behindProgress(words, process.execPath, ["--eval", "setInterval(() => {}, 1000)"]));`,
    "main",
    "run",
  );
  const child = spawn(program, args);
  let said = "";
  for (const stream of [child.stdout, child.stderr]) stream.setEncoding("utf8").on("data", (text: string) => (said += text));
  await once(child.stdout, "data");
  child.kill("SIGTERM");
  const [status] = await once(child, "close");
  assert.deepEqual([status, said], [143, "Building (a while) …\n"]);
});
