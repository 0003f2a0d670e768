/**
 * How the emulator bears a large world: `node emulator/load.ts [conversations] [messages]`.
 *
 * Fills it with messages (by default 100,000 in 1,000 conversations), times what a page and a bot ask of it, and then
 * delivers callbacks to a bot in the same process that only answers 200. Prints a table; takes less than a minute.
 */

import { createServer } from "node:http";
import type { AddressInfo } from "node:net";

import type { Emulator } from "./index.ts";
import { startEmulator } from "./index.ts";

/** Times of each request. */
const ROUNDS = 200;

/** Callbacks delivered at the end, over this many conversations. */
const CALLBACKS = 5000;
const CALLBACK_CONVERSATIONS = 100;

async function main(): Promise<void> {
  const conversations = Number(process.argv[2] ?? 1000);
  const messages = Number(process.argv[3] ?? 100_000);
  if (!(conversations >= 1 && messages >= conversations)) throw new Error("Give a number of conversations, and at least as many messages.");
  const bot = createServer((request, response) => {
    request.resume();
    request.on("end", () => response.end("{}"));
  });
  await new Promise<void>((resolve) => bot.listen(0, "127.0.0.1", resolve));
  const callbackUrl = `http://127.0.0.1:${(bot.address() as AddressInfo).port}/callback/demo_bot`;
  const emulator = await startEmulator({ callbackUrl, rateLimit: { core: 1e9, standard: 1e9 }, limits: { messages: 2 * messages } });

  const uids = Array.from({ length: conversations }, (_, index) => `person-${index}`);
  for (const uid of uids) emulator.addUser({ uid, name: uid });
  await setBot(emulator, { enabled: false });
  const heapBefore = heap();
  const filling = elapsed();
  for (let index = 0; index < messages; index += 1) say(emulator, uids[index % conversations]!, `message ${index}`);
  row("Fill", `${messages} messages in ${conversations} conversations`, `${filling()} ms`);
  row("Heap", "added by them", `${Math.round((heap() - heapBefore) / 2 ** 20)} MiB`);

  const middle = Math.floor(messages / 2);
  const asBot = { onBehalfOf: "demo_bot" };
  await time("newest page of a history", emulator, "GET", "/users/person-0/messages?affix=prepend&limit=50", asBot);
  await time("page from the middle of a history", emulator, "GET", `/users/person-0/messages?id=${middle}&limit=50`, asBot);
  await time("page of all 1:1 histories", emulator, "GET", `/users/demo_bot/messages?id=${middle}&limit=50`, {});
  await time("one message", emulator, "GET", `/messages/${middle}`, {});
  await time("conversations of the bot", emulator, "GET", "/conversations?perPage=50", asBot);
  await time("send as the bot", emulator, "POST", "/bots/demo_bot/messages", {}, { receiver: "person-1", receiverType: "user", data: { text: "hi" } });
  await time("state of the page", emulator, "GET", "/emulator/state", {}, undefined, 20);

  await setBot(emulator, { enabled: true });
  const delivering = elapsed();
  for (let index = 0; index < CALLBACKS; index += 1) say(emulator, uids[index % Math.min(conversations, CALLBACK_CONVERSATIONS)]!, `question ${index}`);
  await emulator.idle({ timeout: 60_000 });
  row("Deliver", `${CALLBACKS} callbacks`, `${Math.round((CALLBACKS * 1000) / delivering())} a second`);
  await emulator.close();
  bot.closeAllConnections();
  bot.close();
}

function say(emulator: Emulator, uid: string, text: string): void {
  emulator.send({ sender: uid, receiver: "demo_bot", receiverType: "user", text });
}

async function setBot(emulator: Emulator, properties: { enabled: boolean }): Promise<void> {
  await call(emulator, "PUT", "/bots/demo_bot", {}, properties);
}

async function time(
  what: string,
  emulator: Emulator,
  method: string,
  path: string,
  headers: Record<string, string>,
  body?: object,
  rounds = ROUNDS,
): Promise<void> {
  const times: number[] = [];
  for (let round = 0; round < rounds; round += 1) {
    const start = performance.now();
    await call(emulator, method, path, headers, body);
    times.push(performance.now() - start);
  }
  times.sort((one, other) => one - other);
  const at = (share: number) => times[Math.floor(share * (times.length - 1))]!.toFixed(1);
  row(method, what, `median ${at(0.5)} ms, 99th percentile ${at(0.99)} ms`);
}

async function call(emulator: Emulator, method: string, path: string, headers: Record<string, string>, body?: object): Promise<void> {
  const url = path.startsWith("/emulator") ? `${emulator.url}${path}` : `${emulator.apiUrl}${path}`;
  const response = await fetch(url, {
    method,
    headers: { ...headers, apikey: emulator.apiKey, ...(body && { "Content-Type": "application/json" }) },
    ...(body && { body: JSON.stringify(body) }),
  });
  if (response.status !== 200) throw new Error(`${method} ${path} was answered with ${response.status}.`);
  await response.arrayBuffer();
}

function elapsed(): () => number {
  const start = performance.now();
  return () => Math.round(performance.now() - start);
}

/** Bytes in use. Exact with `node --expose-gc`. */
function heap(): number {
  globalThis.gc?.();
  return process.memoryUsage().heapUsed;
}

function row(kind: string, what: string, figure: string): void {
  console.log(`${kind.padEnd(8)} ${what.padEnd(48)} ${figure}`);
}

await main();
