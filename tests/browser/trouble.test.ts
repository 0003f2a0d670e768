/** What the page says when something is not there, or does not want to. */

import assert from "node:assert/strict";
import { once } from "node:events";
import type { Server } from "node:http";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { after, before, it } from "node:test";

import type { Browser } from "playwright-core";

import { startEmulator } from "../../emulator/index.ts";
import { banner, launch, open, say } from "./stage.ts";

let browser: Browser;

before(async () => (browser = await launch()));
after(() => browser.close());

/** A bot that answers every callback alike. */
async function bot(port: number, status: number, body: object): Promise<Server> {
  const server = createServer((request, response) => {
    request.resume();
    request.on("end", () => {
      response.writeHead(request.method === "POST" ? status : 405, { "Content-Type": "application/json" });
      response.end(JSON.stringify(body));
    });
  }).listen(port, "127.0.0.1");
  await once(server, "listening");
  return server;
}

const portOf = (server: Server) => (server.address() as AddressInfo).port;

async function stop(server: Server): Promise<void> {
  server.closeAllConnections();
  server.close();
  await once(server, "close");
}

it("says that the worker is not running and what to do, and notices when it is", async () => {
  const taken = await bot(0, 200, {});
  const port = portOf(taken);
  await stop(taken);
  const emulator = await startEmulator({ callbackUrl: `http://127.0.0.1:${port}/callback/demo_bot` });
  const { page, context } = await open(browser, emulator.url);
  const told = banner(page).filter({ hasText: "Demo Bot cannot be reached." });
  await told.waitFor();
  assert.match(await told.innerText(), new RegExp(`Nothing listens at 127\\.0\\.0\\.1:${port}`));
  assert.match(await told.innerText(), /npm start/);
  await say(page, "hi");
  await page.getByRole("button", { name: /^Nothing listens at/ }).waitFor();
  const server = await bot(port, 200, {});
  await told.waitFor({ state: "detached" });
  await context.close();
  await emulator.close();
  await stop(server);
});

for (const [status, sentence] of [
  [401, "The username or password is wrong."],
  [503, "The setting COMETCHAT_API_KEY is missing."],
] as const) {
  it(`shows why a callback was refused with ${status}`, async () => {
    const server = await bot(0, status, { error: { code: "ERR", message: sentence } });
    const emulator = await startEmulator({ callbackUrl: `http://127.0.0.1:${portOf(server)}/` });
    const { page, context } = await open(browser, emulator.url);
    await say(page, "hi");
    const told = banner(page).filter({ hasText: "Demo Bot does not take its callbacks." });
    await told.waitFor();
    assert.ok((await told.innerText()).includes(sentence), await told.innerText());
    await page.getByRole("button", { name: new RegExp(`${status}.*It says: ${sentence}`) }).click();
    await page.getByRole("region").getByText(String(status), { exact: true }).waitFor();
    await context.close();
    await emulator.close();
    await stop(server);
  });
}

it("says that the emulator is gone, and goes on when it is back", async () => {
  const server = await bot(0, 200, {});
  const callbackUrl = `http://127.0.0.1:${portOf(server)}/`;
  const emulator = await startEmulator({ callbackUrl });
  const { page, context, errors } = await open(browser, emulator.url);
  await say(page, "before");
  await page.getByRole("button", { name: /took it/ }).waitFor();
  await emulator.close();
  const told = banner(page).filter({ hasText: "The emulator is not running." });
  await told.waitFor();
  assert.match(await told.innerText(), /npm start/);
  await say(page, "meanwhile");
  await banner(page).filter({ hasText: "The emulator does not answer." }).waitFor();
  const again = await startEmulator({ callbackUrl, port: emulator.port });
  await told.waitFor({ state: "hidden" });
  // What could not be sent is still there to be sent.
  await page.getByRole("textbox", { name: "Message", exact: true }).press("Enter");
  await page.getByRole("article").filter({ hasText: "meanwhile" }).waitFor();
  assert.equal(await page.getByRole("article").count(), 1);
  assert.deepEqual(errors, []);
  await context.close();
  await again.close();
  await stop(server);
});
