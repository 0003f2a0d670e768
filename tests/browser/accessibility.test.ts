/** What axe finds wrong for people who do not see, or not well: nothing serious, in both colour schemes and widths. */

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { after, before, describe, it } from "node:test";

import type axe from "axe-core";
import type { Browser, Page } from "playwright-core";

import type { World } from "./stage.ts";
import { banner, launch, message, moveBot, open, panel, phone, say, sees, startWorld, wide } from "./stage.ts";

const source = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");

let browser: Browser;
let world: World;

before(async () => {
  [browser, world] = await Promise.all([launch(), startWorld()]);
  const to = { sender: "cometchat-uid-1", receiver: "demo_bot", receiverType: "user" } as const;
  const question = world.emulator.send({ ...to, text: "hi https://example.com/" });
  await world.emulator.waitForMessage(({ sender }) => sender === "demo_bot", { after: question.id });
  world.emulator.send({ ...to, category: "custom", type: "location", data: { customData: { latitude: 50.6 } } });
  world.emulator.send({ ...to, type: "image", data: { attachments: [{ url: `${world.emulator.url}/icon.svg` }] } });
  await world.emulator.idle();
});
after(async () => {
  await browser.close();
  await world.close();
});

async function problems(page: Page): Promise<string[]> {
  const results = (await page.evaluate("axe.run(document, { resultTypes: ['violations'] })")) as axe.AxeResults;
  return results.violations
    .filter(({ impact }) => impact === "serious" || impact === "critical")
    .map(
      ({ id, nodes }) =>
        `${id}: ${nodes
          .map(({ html, failureSummary }) => `${html} ${failureSummary}`)
          .slice(0, 3)
          .join("\n")}`,
    );
}

for (const colorScheme of ["light", "dark"] as const) {
  for (const [name, size] of Object.entries({ wide, phone })) {
    describe(`${colorScheme}, ${name}`, () => {
      let page: Page;

      before(async () => {
        const opened = await open(browser, world.emulator.url, { ...size, colorScheme, bypassCSP: true });
        page = opened.page;
        await page.evaluate(source);
      });
      after(() => page.context().close());

      it("a conversation", async () => {
        await sees(page, "Custom · location");
        await page.getByRole("article").last().focus();
        assert.deepEqual(await problems(page), []);
      });

      it("the inspector", async () => {
        await page
          .getByRole("button", { name: /took it/ })
          .first()
          .click();
        await panel(page).getByText("To Demo Bot").waitFor();
        assert.deepEqual(await problems(page), []);
        await page.keyboard.press("Escape");
      });

      it("switches and faults", async () => {
        world.emulator.set({ callbackDuplicate: 0.5 });
        if (size === phone) await page.getByRole("link", { name: "Back to the chats" }).click();
        await page.getByRole("button", { name: /^Switches and faults/ }).click();
        await page.getByText("1 setting changed").waitFor();
        assert.deepEqual(await problems(page), []);
        await page.keyboard.press("Escape");
        world.emulator.set({ callbackDuplicate: 0 });
      });

      it("a dialog", async () => {
        await page.getByRole("button", { name: "New" }).click();
        await page.getByRole("combobox").waitFor();
        assert.deepEqual(await problems(page), []);
        await page.getByRole("button", { name: "Add a group" }).click();
        await page.getByRole("group", { name: "Members besides you" }).waitFor();
        assert.deepEqual(await problems(page), []);
        await page.keyboard.press("Escape");
      });

      it("a group, an unread chat, and a bot that cannot be reached", async () => {
        world.emulator.send({
          sender: "cometchat-uid-2",
          receiver: "cometchat-uid-1",
          receiverType: "user",
          text: "psst",
        });
        await page.getByRole("navigation").getByRole("link", { name: /^Team/ }).click();
        await message(page).waitFor();
        await say(page, "@Demo Bot hi");
        await sees(page, "@Demo Bot hi");
        await page.getByText("In a group").waitFor();
        await moveBot(world.emulator, "http://127.0.0.1:1/");
        await say(page, "@Demo Bot are you there?");
        await banner(page).filter({ hasText: "cannot be reached" }).waitFor();
        await page
          .getByRole("button", { name: /^Nothing listens/ })
          .last()
          .waitFor();
        assert.deepEqual(await problems(page), []);
        await moveBot(world.emulator, `${world.worker.url}/callback/demo_bot`);
      });
    });
  }
}
