/** The chat page in a real Chromium, over an emulator, with or without the built worker behind it. */

import assert from "node:assert/strict";

import type { Browser, BrowserContext, BrowserContextOptions, Locator, Page } from "playwright-core";
import { chromium } from "playwright-core";

import type { Emulator, EmulatorOptions } from "../../emulator/index.ts";
import { startEmulator } from "../../emulator/index.ts";
import { findChromium } from "../../scripts/lib/chromium.mjs";
import { Worker } from "../worker.ts";

/** Longest wait for anything on the page, in milliseconds. */
const DEADLINE = 15_000;

/** As root in a container, without a graphics card, and without a word to any server. */
const ARGUMENTS = [
  "--headless",
  "--no-sandbox",
  "--disable-gpu",
  "--disable-quic",
  "--no-first-run",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
];

export const wide = { viewport: { width: 1280, height: 800 } };
/** The narrowest that is supported. */
export const phone = { viewport: { width: 360, height: 740 }, hasTouch: true, isMobile: true };

export function launch(): Promise<Browser> {
  return chromium.launch({ executablePath: findChromium(), args: ARGUMENTS });
}

/** A page with whatever went wrong in it. */
export interface Opened {
  page: Page;
  context: BrowserContext;
  /** Uncaught errors, and what the browser has written to the console as errors. */
  errors: string[];
}

export async function open(browser: Browser, url: string, options: BrowserContextOptions = {}): Promise<Opened> {
  const context = await browser.newContext({ ...wide, locale: "en-GB", reducedMotion: "reduce", ...options });
  context.setDefaultTimeout(DEADLINE);
  const page = await context.newPage();
  const errors: string[] = [];
  page.on("pageerror", (error) => errors.push(error.message));
  page.on("console", (message) => {
    // Of what cannot be fetched: the tests take the emulator away, and show pictures that are nowhere.
    if (message.type() === "error" && !message.text().startsWith("Failed to load resource"))
      errors.push(message.text());
  });
  page.on("dialog", (dialog) => {
    errors.push(`A dialog: ${dialog.message()}`);
    void dialog.dismiss();
  });
  await page.goto(url);
  return { page, context, errors };
}

/** An emulator and the built worker that is its bot. */
export interface World {
  emulator: Emulator;
  worker: Worker;
  close: () => Promise<void>;
}

export async function startWorld(options: EmulatorOptions = {}): Promise<World> {
  const emulator = await startEmulator(options);
  const worker = await Worker.start({ apiUrl: emulator.apiUrl, settings: {} });
  await moveBot(emulator, `${worker.url}/callback/demo_bot`);
  return {
    emulator,
    worker,
    close: async () => {
      await worker.stop();
      await emulator.close();
    },
  };
}

/** Gives the seeded bot another callback URL. */
export async function moveBot({ apiUrl, apiKey }: Emulator, webhookURL: string): Promise<void> {
  const response = await fetch(`${apiUrl}/bots/demo_bot`, {
    method: "PUT",
    headers: { apikey: apiKey, "Content-Type": "application/json" },
    body: JSON.stringify({ webhookURL }),
  });
  assert.equal(response.status, 200);
}

// What is on the page, by what a person would call it.

export const message = (page: Page) => page.getByRole("textbox", { name: "Message", exact: true });
export const messages = (page: Page) => page.getByRole("list", { name: "Messages" }).getByRole("article");
export const panel = (page: Page) => page.getByRole("region");
export const banner = (page: Page) => page.getByRole("alert");

/** Says something in the chat that is open. */
export async function say(page: Page, text: string): Promise<void> {
  await message(page).fill(text);
  await message(page).press("Enter");
}

/** Waits until a message with this text is there. */
export async function sees(page: Page, text: string | RegExp): Promise<Locator> {
  const found = messages(page).filter({ hasText: text }).last();
  await found.waitFor();
  return found;
}
