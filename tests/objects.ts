/**
 * The databases of Durable Objects, read at any time, and changed while no worker runs on them: so rows of another day,
 * of another version or of a damaged disk come to be there.
 */

import assert from "node:assert/strict";
import { existsSync, readdirSync } from "node:fs";
import { dirname, join } from "node:path";
import { DatabaseSync } from "node:sqlite";

/** The rows of an object, by their keys and in the order of these. */
export type Rows = Record<string, string>;

/**
 * What an object has stored.
 *
 * @param folder where objects lie
 * @param conversation the object's name
 */
export function rowsOf(folder: string, conversation: string): Rows {
  return using(fileOf(folder, conversation), (database) => {
    if (database.prepare("SELECT 1 FROM sqlite_master WHERE name = 'rows'").get() === undefined) return {};
    const rows = database.prepare("SELECT key, value FROM rows ORDER BY key").all();
    return Object.fromEntries(rows.map(({ key, value }) => [String(key), String(value)]));
  }, { readOnly: true });
}

/**
 * Puts rows in the place of those that an object has stored, and sets its alarm, so that it wakes up by itself.
 *
 * @param wakeAt UNIX milliseconds
 */
export function plantRows(folder: string, conversation: string, rows: Rows, wakeAt: number): void {
  const file = fileOf(folder, conversation);
  // workerd's own tables: the alarm stands in the object's database and in that of all of them, in nanoseconds.
  const alarm = BigInt(wakeAt) * 1_000_000n;
  using(file, (database) => {
    database.exec("BEGIN; DELETE FROM rows");
    const insert = database.prepare("INSERT INTO rows (key, value) VALUES (?, ?)");
    for (const [key, value] of Object.entries(rows)) insert.run(key, value);
    database.prepare("INSERT OR REPLACE INTO _cf_METADATA (key, value) VALUES (1, ?)").run(alarm);
    database.exec("COMMIT");
  });
  const id = /([0-9a-f]{64})\.sqlite$/.exec(file)?.[1] ?? assert.fail(file);
  using(alarmsOf(folder), (database) => {
    const insert = "INSERT OR REPLACE INTO _cf_ALARM (actor_id, scheduled_time, actor_name) VALUES (?, ?, ?)";
    database.prepare(insert).run(id, alarm, conversation);
  });
}

const files = new Map<string, string>();

/** The file of an object, by the alarm that it has when it is asked for first. */
function fileOf(folder: string, conversation: string): string {
  const name = join(folder, conversation);
  const file = files.get(name) ?? fileByAlarm(folder, conversation);
  files.set(name, file);
  return file;
}

function fileByAlarm(folder: string, conversation: string): string {
  const alarms = alarmsOf(folder);
  const select = "SELECT actor_id FROM _cf_ALARM WHERE actor_name = ?";
  const alarm = using(alarms, (database) => database.prepare(select).get(conversation), { readOnly: true });
  const file = join(dirname(alarms), `${String(alarm?.["actor_id"])}.sqlite`);
  assert.ok(existsSync(file), `${conversation} has no alarm.`);
  return file;
}

function alarmsOf(folder: string): string {
  const [file = assert.fail("There are no objects.")] = readdirSync(folder, { recursive: true, encoding: "utf8" }).filter((name) =>
    name.endsWith("metadata.sqlite"),
  );
  return join(folder, file);
}

function using<T>(file: string, work: (database: DatabaseSync) => T, { readOnly = false } = {}): T {
  const database = new DatabaseSync(file, { readOnly });
  try {
    return work(database);
  } finally {
    database.close();
  }
}
