/** A large world: 1,000 conversations, and thousands of messages in one. */

import assert from "node:assert/strict";
import { after, before, it } from "node:test";

import type { Browser } from "playwright-core";

import type { Emulator } from "../../emulator/index.ts";
import { startEmulator } from "../../emulator/index.ts";
import { launch, messages, open, say, sees } from "./stage.ts";

const PEOPLE = 1000;
const MESSAGES = 5000;

let browser: Browser;
let emulator: Emulator;

before(async () => {
  browser = await launch();
  const users = Array.from({ length: PEOPLE }, (_, index) => ({ uid: `person-${index}`, name: `Person ${index}` }));
  emulator = await startEmulator({ world: { users: [{ uid: "me", name: "A Me" }, ...users], bots: [], groups: [] } });
  for (const { uid } of users)
    emulator.send({ sender: uid, receiver: "me", receiverType: "user", text: `I am ${uid}` });
  for (let index = 0; index < MESSAGES; index += 1) {
    emulator.send({ sender: "person-7", receiver: "me", receiverType: "user", text: `number ${index}.` });
  }
});
after(async () => {
  await browser.close();
  await emulator.close();
});

it("draws a part of it, and more on the way", async () => {
  const { page, context, errors } = await open(browser, `${emulator.url}/#/user/person-7`);
  await sees(page, `number ${MESSAGES - 1}.`);
  const links = page.getByRole("navigation").getByRole("link");
  assert.equal(await links.count(), 100);
  await page.getByRole("button", { name: /^Show more of/ }).click();
  assert.equal(await links.count(), 200);
  assert.equal(await messages(page).count(), 50);
  const scroller = page.locator("#chat .scroller");
  for (let pages = 2; pages <= 14; pages += 1) {
    await scroller.evaluate((element) => (element.scrollTop = 0));
    await page.waitForFunction(
      (expected) => document.querySelectorAll("#chat article").length >= expected,
      Math.min(600, pages * 50),
    );
  }
  await page.getByText(`number ${MESSAGES - 700}.`).waitFor();
  assert.equal(await messages(page).count(), 600);
  await page.getByRole("button", { name: "Latest" }).click();
  await sees(page, `number ${MESSAGES - 1}.`);
  assert.equal(await messages(page).count(), 50);
  assert.deepEqual(errors, []);
  await context.close();
});

it("keeps up with a burst", async () => {
  const { page, context, errors } = await open(browser, `${emulator.url}/#/user/person-8`);
  await sees(page, "I am person-8");
  for (let index = 0; index < 2000; index += 1) {
    emulator.send({ sender: "person-8", receiver: "me", receiverType: "user", text: `burst ${index}.` });
  }
  await sees(page, "burst 1999.");
  assert.ok((await messages(page).count()) <= 200);
  await say(page, "still here");
  await sees(page, "still here");
  assert.deepEqual(errors, []);
  await context.close();
});
