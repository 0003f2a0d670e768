/** The pages: what they link to is there. */

import assert from "node:assert/strict";
import { existsSync, readdirSync, readFileSync, statSync } from "node:fs";
import { dirname, join } from "node:path";
import { test } from "node:test";

import { root } from "../../scripts/lib/paths.mjs";

const pages = ["", "docs", ".github", "tests/fixtures", "tests/fixtures/rows"]
  .filter((folder) => existsSync(join(root, folder)))
  .flatMap((folder) => readdirSync(join(root, folder)).map((name) => join(folder, name)))
  .filter((path) => path.endsWith(".md"));

/** Of a page without what stands in fences, where nothing is a link or a heading. */
const read = (path: string) => readFileSync(join(root, path), "utf8").replace(/^ *```[\s\S]*?^ *```/gm, "");

/** The anchors of a page's headings, as GitHub makes them. */
function anchors(path: string): Set<string> {
  const headings = [...read(path).matchAll(/^#{1,6} (.+)$/gm)].map((match) => match[1]!);
  return new Set(headings.map((heading) => heading.toLowerCase().replace(/[^\p{L}\p{N}\s_-]/gu, "").replaceAll(" ", "-")));
}

test("every link of a page leads somewhere", () => {
  assert.ok(pages.includes("README.md") && pages.includes(join("docs", "design.md")), pages.join());
  for (const page of pages) {
    for (const [, target] of read(page).matchAll(/\]\(([^()\s]+)\)/g)) {
      if (/^[a-z]+:/.test(target!)) continue;
      const [path, anchor] = target!.split("#");
      const file = path === "" ? page : join(dirname(page), path!);
      assert.ok(existsSync(join(root, file)), `${page} links to ${target}, which is not there`);
      if (anchor === undefined || statSync(join(root, file)).isDirectory()) continue;
      assert.ok(anchors(file).has(anchor), `${page} links to ${target}: ${file} has no such heading`);
    }
  }
});

test("docs/reference.md has every setting and every event of the log", () => {
  const reference = read(join("docs", "reference.md"));
  const rows = reference.split("\n").filter((line) => line.startsWith("| `"));
  const named = new Set(rows.flatMap((row) => [...row.split(" | ")[0]!.matchAll(/`(\w+)`/g)].map((match) => match[1]!)));
  const sources = ["config.rs", "door.rs", "callback", "conversation", "edge"]
    .flatMap((path) => (path.endsWith(".rs") ? [path] : readdirSync(join(root, "src", path)).map((file) => join(path, file))))
    .map((file) => readFileSync(join(root, "src", file), "utf8"))
    .join("\n");
  const events = [...sources.matchAll(/(?:\.text\("event", |\.note\(|event: )"(\w+)"/g)].map((match) => match[1]!);
  const settings = [...readFileSync(join(root, "src", "config.rs"), "utf8").matchAll(/"([A-Z]+(?:_[A-Z]+)*)"/g)].map((match) => match[1]!);
  assert.ok(events.length > 20 && settings.length > 10, `${events.length} events, ${settings.length} settings`);
  for (const name of events.filter((event) => event !== "message")) assert.ok(named.has(name), `the event ${name} is not there`);
  for (const name of settings.filter((setting) => !setting.startsWith("ERR_"))) assert.ok(named.has(name), `the setting ${name} is not there`);
});

test("the first page stays short", () => {
  const lines = readFileSync(join(root, "README.md"), "utf8").split("\n").length;
  assert.ok(lines <= 120, `README.md has ${lines} lines: what is not for everybody goes to a page under docs`);
});
