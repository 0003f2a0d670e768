// @ts-nocheck: it runs in workerd.

// By hand, with a Durable Object: inbox, state and outbox in SQLite. Stores the message and acknowledges it; then
// counts and puts the answer into the outbox in one commit; then sends, and deletes the row. An alarm takes up what a
// crash has left. Messages that are under way at the same time may be answered in another order, and an answer that was
// taken just before a crash is sent again.

import { DurableObject } from "cloudflare:workers";

import { accepted, readCallback, replyTo, send } from "./cometchat.js";

const LOOK_AGAIN_MS = 30_000;

export class Conversation extends DurableObject {
  #storage;
  #sql;
  #hasAlarm;

  constructor(context, env) {
    super(context, env);
    this.#storage = context.storage;
    this.#sql = context.storage.sql;
    this.#sql.exec("CREATE TABLE IF NOT EXISTS state (key INTEGER PRIMARY KEY, value TEXT NOT NULL)");
    this.#sql.exec("CREATE TABLE IF NOT EXISTS inbox (id TEXT PRIMARY KEY, message TEXT) WITHOUT ROWID");
    this.#sql.exec("CREATE TABLE IF NOT EXISTS outbox (id TEXT PRIMARY KEY, bot TEXT NOT NULL, body TEXT NOT NULL) WITHOUT ROWID");
  }

  async receive(message) {
    const isNew = this.#sql.exec("INSERT INTO inbox (id, message) VALUES (?, ?) ON CONFLICT DO NOTHING", message.id, JSON.stringify(message)).rowsWritten > 0;
    if (!isNew) return "duplicate";
    this.#hasAlarm ??= (await this.#storage.getAlarm()) !== null;
    if (!this.#hasAlarm) await this.#watch();
    this.ctx.waitUntil(this.#answer(message));
    return "accepted";
  }

  /** The row in the inbox stays without its message, so that a duplicate is recognised. */
  async #answer(message) {
    const body = this.#storage.transactionSync(() => {
      const [row] = this.#sql.exec("SELECT value FROM state WHERE key = 0").toArray();
      const state = row ? JSON.parse(row.value) : { turns: 0 };
      state.turns += 1;
      const reply = replyTo(message, `${state.turns}: ${message.text}`);
      this.#sql.exec("INSERT OR REPLACE INTO state (key, value) VALUES (0, ?)", JSON.stringify(state));
      this.#sql.exec("INSERT INTO outbox (id, bot, body) VALUES (?, ?, ?)", message.id, message.bot, reply);
      this.#sql.exec("UPDATE inbox SET message = NULL WHERE id = ?", message.id);
      return reply;
    });
    await this.#deliver(message.id, message.bot, body);
  }

  async #deliver(id, bot, body) {
    if (await send(this.env, bot, body)) this.#sql.exec("DELETE FROM outbox WHERE id = ?", id);
  }

  async alarm() {
    this.#hasAlarm = false;
    for (const { message } of this.#sql.exec("SELECT message FROM inbox WHERE message IS NOT NULL").toArray()) await this.#answer(JSON.parse(message));
    for (const { id, bot, body } of this.#sql.exec("SELECT id, bot, body FROM outbox").toArray()) await this.#deliver(id, bot, body).catch(() => undefined);
    if (this.#sql.exec("SELECT 1 FROM outbox LIMIT 1").toArray().length > 0) await this.#watch();
  }

  async #watch() {
    this.#hasAlarm = true;
    await this.#storage.setAlarm(Date.now() + LOOK_AGAIN_MS);
  }
}

export default {
  async fetch(request, env) {
    const message = await readCallback(request, env);
    if (message instanceof Response) return message;
    await env.CONVERSATION.getByName(message.conversation).receive(message);
    return accepted();
  },
};
