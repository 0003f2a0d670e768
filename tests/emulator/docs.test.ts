/** `docs/emulator.md` says what the code says. */

import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { describe, it } from "node:test";

import { descriptors } from "../../emulator/settings.ts";

const read = (path: string) => readFileSync(new URL(`../../${path}`, import.meta.url), "utf8");
const page = read("docs/emulator.md");

describe("docs/emulator.md", () => {
  it("has every switch and fault, with its default and what is known", () => {
    const cell = (text: string) => text.replaceAll("|", "\\|");
    for (const { name, default: value, description, whatIsKnown } of descriptors()) {
      const row = page.split("\n").find((line) => line.startsWith(`| \`${name}\` | \`${value}\` |`));
      assert.ok(row, `${name} with the default ${value} is missing`);
      assert.ok(row.endsWith(` | ${cell(description)} | ${cell(whatIsKnown)} |`), `${name} is described otherwise`);
    }
  });

  it("lists every source that is cited", () => {
    const files = readdirSync(new URL("../../emulator/", import.meta.url), { recursive: true, encoding: "utf8" })
      .filter((file) => file.endsWith(".ts") && !file.startsWith("page"))
      .map((file) => `emulator/${file}`);
    const cited = new Set([page, ...files.map(read)].flatMap((text) => [...text.matchAll(/\bS\d{1,2}\b/g)].map(([key]) => key)));
    for (const key of cited) assert.ok(page.includes(`\n| ${key} |`), `${key} is not among the sources`);
  });

  it("names every route of the emulator's own", () => {
    const routes = new Set([...read("emulator/api.ts").matchAll(/`[^`]*?(\/emulator\/[a-z-]+)/g)].map((match) => match[1]!));
    for (const route of routes) assert.ok(page.includes(route), route);
  });
});
