/** Talking to the bot: the built worker answers. */

import assert from "node:assert/strict";
import { after, afterEach, before, beforeEach, describe, it } from "node:test";

import type { Browser, Page } from "playwright-core";

import { eventually } from "../eventually.ts";
import type { Opened, World } from "./stage.ts";
import { launch, message, messages, open, panel, phone, say, sees, startWorld } from "./stage.ts";

let browser: Browser;
let world: World;
let opened: Opened;
let page: Page;

before(async () => (browser = await launch()));
// A world each, because the worker remembers whom it has greeted.
beforeEach(async () => {
  world = await startWorld();
  opened = await open(browser, world.emulator.url);
  page = opened.page;
});
afterEach(async () => {
  await opened.context.close();
  await world.close();
  assert.deepEqual(opened.errors, []);
});
after(() => browser.close());

const chat = (name: string | RegExp) => page.getByRole("navigation").getByRole("link", { name });

/** Ends when the worker has said how a message has ended. */
async function ended(text: string): Promise<string> {
  const { conversationId, id } = world.emulator
    .messages({ person: "cometchat-uid-1", receiver: "team-1", receiverType: "group" })
    .find(({ data }) => data.text === text)!;
  assert.ok(conversationId);
  return eventually(() => {
    const line = world.worker.log
      .split("\n")
      .find((one) => one.includes('"event":"message"') && one.includes(`"${id}"`));
    assert.ok(line, "The worker has said nothing of it.");
    return (JSON.parse(line) as { outcome: string }).outcome;
  });
}

describe("a first visit", () => {
  it("leads to an answer at once", async () => {
    await page.getByRole("heading", { level: 2, name: "Demo Bot", exact: true }).waitFor();
    await message(page).waitFor();
    await page.keyboard.type("hi");
    await page.keyboard.press("Enter");
    const answer = await sees(page, "I am a bot that runs on Halley");
    assert.match((await answer.getAttribute("aria-label")) ?? "", /^Demo Bot, \d\d:\d\d: /);
    await page.getByRole("button", { name: /^Answered after \d+ ms\. Inspect$/ }).waitFor();
    await page
      .locator("[aria-live]")
      .getByText(/^Demo Bot: /)
      .waitFor({ state: "attached" });
  });

  it("offers something to say, and the group", async () => {
    await page.getByRole("button", { name: "/help", exact: true }).click();
    await sees(page, "Here is what I can do");
    await page.getByRole("button", { name: "Try it in Team" }).click();
    await page.getByRole("heading", { level: 2, name: "Team", exact: true }).first().waitFor();
    await page.getByText("In a group, mention a bot when you mean it.").waitFor();
  });
});

describe("a group", () => {
  it("gets an answer only when the bot is mentioned", async () => {
    await chat(/^Team/).click();
    await say(page, "Good morning");
    await sees(page, "Good morning");
    assert.equal(await ended("Good morning"), "ignored");
    assert.equal(await messages(page).count(), 1);
    await message(page).pressSequentially("hello @de");
    await page.getByRole("option", { name: /Demo Bot/ }).waitFor();
    await page.keyboard.press("Enter");
    assert.equal(await message(page).inputValue(), "hello @Demo Bot ");
    await page.getByText("Demo Bot is mentioned.").waitFor();
    await page.keyboard.press("Enter");
    await sees(page, "I am a bot that runs on Halley");
    const said = world.emulator.messages({ person: "cometchat-uid-1", receiver: "team-1", receiverType: "group" });
    assert.equal(said[1]?.data.text, "hello <@uid:demo_bot>");
    assert.deepEqual(Object.keys(said[1]?.data.mentions ?? {}), ["demo_bot"]);
  });
});

describe("faults", () => {
  it("are switched on in the panel, and the answer arrives after them", async () => {
    await page.getByRole("button", { name: "Switches and faults" }).click();
    await page.getByRole("searchbox").fill("rest500");
    const fault = page.getByRole("spinbutton", { name: "500" });
    await fault.fill("1");
    await fault.press("Tab");
    await page.getByText("1 setting changed").waitFor();
    assert.equal(world.emulator.state().settings.values["rest500"], 1);
    await say(page, "are you there?");
    await page.getByRole("button", { name: /failed REST call/ }).waitFor();
    await page.getByRole("button", { name: "Reset all" }).click();
    await page.getByText("Everything is at its default.").first().waitFor();
    await sees(page, "I am a bot that runs on Halley");
    assert.equal(world.emulator.state().settings.values["rest500"], 0);
    assert.equal(await messages(page).count(), 2);
  });
});

describe("the inspector", () => {
  it("shows the callback, its answer, and what the bot did", async () => {
    await opened.context.grantPermissions(["clipboard-read", "clipboard-write"]);
    await say(page, "inspect this");
    await sees(page, "I am a bot");
    await page.getByRole("button", { name: /^Demo Bot took it in/ }).click();
    const lines = panel(page).getByRole("list", { name: "Callbacks and REST calls" }).locator(":scope > li");
    await lines.nth(1).waitFor();
    assert.match(
      (await lines.nth(0).innerText()).replaceAll("\n", " "),
      /Callback To Demo Bot 200 after_message \d+ ms/,
    );
    assert.match(
      (await lines.nth(1).innerText()).replaceAll("\n", " "),
      /POST \/bots\/demo_bot\/messages 200 sendBotMessage/,
    );
    assert.match(await lines.nth(0).innerText(), /text: "inspect this"|data: \{ \d keys \}/);
    await lines.nth(0).getByRole("button", { name: "Copy Request body" }).click();
    await lines.nth(0).getByText("Copied").waitFor();
    const copied = JSON.parse(await page.evaluate(() => navigator.clipboard.readText())) as {
      trigger: string;
      data: { data: { text: string } };
    };
    assert.deepEqual([copied.trigger, copied.data.data.text], ["after_message", "inspect this"]);
    await page.getByRole("button", { name: "Close the panel" }).click();
    await panel(page).waitFor({ state: "hidden" });
  });
});

describe("messages", () => {
  it("are edited, deleted, reacted to and replied to", async () => {
    await say(page, "helo");
    await sees(page, "I am a bot");
    const own = messages(page).first();
    await own.hover();
    await own.getByRole("button", { name: "Edit" }).click();
    await message(page).fill("hello");
    await page.keyboard.press("Enter");
    await messages(page)
      .filter({ hasText: /hello.*edited/s })
      .waitFor();
    await own.hover();
    await own.getByRole("button", { name: "React" }).click();
    await page.getByRole("menuitem", { name: "Party" }).click();
    await own.getByRole("button", { name: "🎉, 1", pressed: true }).click();
    await own.getByRole("button", { name: "🎉, 1" }).waitFor({ state: "detached" });
    await own.getByRole("button", { name: "Reply in a thread" }).click();
    await page.getByRole("textbox", { name: "Reply in the thread" }).fill("and more");
    await page.keyboard.press("Enter");
    await page.getByRole("list", { name: "Replies" }).getByText("and more").waitFor();
    await own.getByRole("button", { name: "1 reply" }).waitFor();
    await page.keyboard.press("Escape");
    await own.hover();
    await own.getByRole("button", { name: "Delete" }).click();
    await page.getByRole("dialog").getByRole("button", { name: "Delete" }).click();
    await sees(page, "This message was deleted.");
  });

  it("are pictures, files and custom messages too, and unknown kinds are cards", async () => {
    const attach = async (kind: string) => {
      await page.getByRole("button", { name: "Attach" }).click();
      await page.getByRole("menuitem", { name: kind }).click();
    };
    const send = () => page.getByRole("dialog").getByRole("button", { name: "Send" }).click();
    await attach("Picture");
    await page.getByRole("textbox", { name: "Address of the picture" }).fill(`${world.emulator.url}/icon.svg`);
    await page.getByRole("textbox", { name: "Caption" }).fill("A comet");
    await send();
    await page.getByRole("img", { name: "icon.svg" }).waitFor();
    await sees(page, "Thank you for the picture.");
    await attach("File");
    await page.getByRole("textbox", { name: "Address of the file" }).fill("https://example.com/report.pdf");
    await send();
    await messages(page)
      .getByRole("link", { name: /report\.pdf/ })
      .waitFor();
    await attach("Custom message");
    await page.getByRole("textbox", { name: /customData/ }).fill("{");
    await send();
    await page
      .getByRole("dialog")
      .getByText(/^This is no JSON/)
      .waitFor();
    await page.getByRole("textbox", { name: /customData/ }).fill('{"latitude": 50.6}');
    await send();
    await sees(page, /Custom · location.*latitude: 50\.6/s);
    world.emulator.send({
      sender: "cometchat-uid-1",
      receiver: "demo_bot",
      receiverType: "user",
      category: "interactive",
      type: "scheduler",
      data: { interactiveData: { title: "When?" } },
    });
    await sees(page, /interactive · scheduler/);
  });

  it("are text, whatever is in them", async () => {
    const markup = "<img src=x onerror=alert(1)><script>alert(2)</script>";
    world.emulator.addUser({ uid: "cometchat-uid-1", name: markup });
    await page.reload();
    await say(page, markup);
    const own = await sees(page, markup);
    assert.equal(await own.locator("img, script").count(), 0);
    await sees(page, "I am a bot");
    await page.getByRole("button", { name: "Attach" }).click();
    await page.getByRole("menuitem", { name: "Custom message" }).click();
    await page.getByRole("textbox", { name: /customData/ }).fill(JSON.stringify({ [markup]: markup }));
    await page.getByRole("dialog").getByRole("button", { name: "Send" }).click();
    await (await sees(page, "Custom · location")).getByRole("button", { name: /^Demo Bot took it/ }).click();
    await panel(page).getByText(markup).first().waitFor();
    await say(page, "javascript:alert(3) and https://example.com/?a=<b>");
    const links = (await sees(page, "javascript:alert(3)")).getByRole("link");
    assert.deepEqual(await links.evaluateAll((all) => all.map((link) => (link as HTMLAnchorElement).href)), [
      "https://example.com/?a=",
    ]);
    assert.equal(
      await page.locator("#chat img[src=x], #side img[src=x], #panel img[src=x], body script:not([src])").count(),
      0,
    );
  });
});

describe("the keyboard alone", () => {
  it("is enough for a whole conversation", async () => {
    await message(page).waitFor();
    const focused = () =>
      page.evaluate(
        () => document.activeElement?.getAttribute("aria-label") ?? document.activeElement?.textContent ?? "",
      );
    await page.keyboard.type("hi");
    await page.keyboard.press("Shift+Enter");
    await page.keyboard.type("and hello");
    await page.keyboard.press("Enter");
    await sees(page, "I am a bot");
    assert.equal(
      world.emulator.messages({ person: "cometchat-uid-1", receiver: "demo_bot", receiverType: "user" })[0]?.data.text,
      "hi\nand hello",
    );
    // Back to the messages: past the suggestions and what the newest message holds.
    await page.keyboard.press("Shift+Tab");
    while (!(await focused()).startsWith("Demo Bot, ")) await page.keyboard.press("Shift+Tab");
    await page.keyboard.press("ArrowUp");
    assert.match(await focused(), /^Andrew Joseph, /);
    await page.keyboard.press("Enter");
    await panel(page).getByText("To Demo Bot").waitFor();
    assert.equal(await focused(), "Inspector");
    await page.keyboard.press("Escape");
    await panel(page).waitFor({ state: "hidden" });
    assert.match(await focused(), /^Andrew Joseph, /);
    // The toolbar of the message, and its menu.
    await page.keyboard.press("Tab");
    while ((await focused()) !== "React") await page.keyboard.press("Tab");
    await page.keyboard.press("Enter");
    await page.keyboard.press("ArrowRight");
    await page.keyboard.press("Enter");
    await page.getByRole("button", { name: "❤️, 1" }).waitFor();
    // The skip link is the first thing on the page, and leads back to writing.
    while ((await focused()) !== "Skip to the message field") await page.keyboard.press("Shift+Tab");
    await page.keyboard.press("Enter");
    assert.equal(await focused(), "Message");
    // On to the list of chats, and with arrows through it.
    while (!(await page.evaluate(() => document.activeElement?.matches("nav a"))))
      await page.keyboard.press("Shift+Tab");
    await page.keyboard.press("ArrowDown");
    await page.keyboard.press("Enter");
    await page.getByRole("heading", { level: 2, name: "Team", exact: true }).first().waitFor();
    await page.waitForFunction(() => document.activeElement?.tagName === "TEXTAREA");
    await page.keyboard.type("@");
    await page.getByRole("option", { name: /Demo Bot/ }).waitFor();
    await page.keyboard.press("Enter");
    await page.keyboard.type("/help");
    await page.keyboard.press("Enter");
    await sees(page, "Here is what I can do");
  });
});

describe("a phone", () => {
  it("shows one thing at a time, with a way back, and nothing is cut off", async () => {
    await opened.context.close();
    opened = await open(browser, world.emulator.url, phone);
    page = opened.page;
    const fits = () =>
      page.evaluate(
        () => document.documentElement.scrollWidth <= innerWidth && document.body.scrollWidth <= innerWidth,
      );
    await page.getByRole("button", { name: "hi", exact: true }).tap();
    await sees(page, "I am a bot");
    assert.equal(await fits(), true);
    await page.getByRole("button", { name: /^Demo Bot took it/ }).tap();
    await panel(page).getByText("To Demo Bot").waitFor();
    assert.equal(await fits(), true);
    await page.getByRole("button", { name: "Close the panel" }).tap();
    assert.equal(await page.getByRole("navigation").isVisible(), false);
    await page.getByRole("link", { name: "Back to the chats" }).tap();
    await chat(/^Team/).waitFor();
    assert.equal(await message(page).isVisible(), false);
    assert.equal(await fits(), true);
    await page.getByRole("button", { name: "Switches and faults" }).tap();
    await page.getByRole("searchbox").waitFor();
    assert.equal(await fits(), true);
    await page.getByRole("button", { name: "Close the panel" }).tap();
    await chat(/^Team/).tap();
    await message(page).waitFor();
    await page.goBack();
    await chat(/^Demo Bot/).waitFor();
  });
});

describe("people and groups", () => {
  it("are added, and spoken as", async () => {
    await page.getByRole("button", { name: /^You speak as/ }).click();
    await page.getByRole("button", { name: "Add a person" }).click();
    await page.getByRole("textbox", { name: "Name" }).fill("Ada Lovelace");
    assert.equal(await page.getByRole("textbox", { name: "UID" }).inputValue(), "ada-lovelace");
    await page.getByRole("button", { name: "Add", exact: true }).click();
    await page.getByRole("button", { name: "You speak as Ada Lovelace" }).waitFor();
    await say(page, "hi");
    await sees(page, "Hello Ada Lovelace!");
    await page.getByRole("button", { name: "New" }).click();
    await page.getByRole("button", { name: "Add a group" }).click();
    await page.getByRole("textbox", { name: "Name" }).fill("Engines");
    await page.getByRole("button", { name: "Add", exact: true }).click();
    await page.getByText("2 members: you, Demo Bot").waitFor();
    await say(page, "@Demo Bot hi");
    await sees(page, "Hello Ada Lovelace!");
    await page.getByRole("button", { name: "New" }).click();
    await page.getByRole("combobox").fill("team");
    await page.keyboard.press("Enter");
    await page.getByRole("button", { name: "Join" }).click();
    await page.getByText("6 members").first().waitFor();
    await message(page).waitFor();
  });
});

describe("fixtures", () => {
  it("are saved, and said again", async () => {
    await say(page, "/remember the meeting");
    await sees(page, "Kept.");
    await page.getByRole("button", { name: /^Conversation/ }).click();
    const download = page.waitForEvent("download");
    await page.getByRole("menuitem", { name: "Save as a fixture" }).click();
    const file = await download;
    assert.equal(file.suggestedFilename(), "demo-bot.json");
    await page.getByRole("button", { name: /^Conversation/ }).click();
    await page.getByRole("menuitem", { name: /Replay/ }).click();
    await page.locator("input[type=file]").setInputFiles(await file.path());
    await page.getByRole("button", { name: "Replay", exact: true }).click();
    await sees(page, "I have 2 notes here now");
  });
});
