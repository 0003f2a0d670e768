/** Rows of another day: those of an older version, of a newer one, and those that nobody can read. */

import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";

import { eventually } from "./eventually.ts";
import type { End, View, World } from "./harness.ts";
import { startWorld } from "./harness.ts";
import type { Rows } from "./objects.ts";
import { afterMessage } from "./payloads.ts";
import type { Recorded } from "./recorded.ts";
import { recorded, versions } from "./recorded.ts";
import type { Settings } from "./worker.ts";

const bot = "rehearsal_bot";
const person = "cometchat-uid-1";
const talk = `${bot}:user:${person}`;
const none = { received: 0, answered: 0, ignored: 0, handedOver: 0, dead: 0 };

/** What a worker finds at its start. */
interface Found extends Partial<Omit<Recorded, "rows">> {
  conversation: string;
  rows: Rows | ((rows: Rows) => Rows);
}

/** Plays in a world whose worker has been started on these rows, and on what was in KV. */
async function startedOn(
  { conversation, rows, kv = {}, kvMetadata = {} }: Found,
  play: (world: World) => Promise<void>,
  { settings = {}, prepare = () => {} }: { settings?: Settings; prepare?: (world: World) => void | Promise<void> } = {},
): Promise<void> {
  const world = await startWorld({ canRestart: true, settings: { REPLY_BUDGET_PER_MINUTE: 0 } });
  try {
    // Makes the object. CometChat hears nothing of it.
    const to = conversation.includes(":group:") ? { to: { group: conversation.split(":")[2]! } } : {};
    await world.ended(await world.rehearse("silent", person, to));
    const values = await world.kv();
    for (const [key, value] of Object.entries(kv)) await values.put(key, value, { metadata: kvMetadata[key] });
    await world.kill();
    world.plant(conversation, typeof rows === "function" ? rows(world.rows(conversation)) : rows);
    await prepare(world);
    await world.restart(settings);
    await play(world);
  } finally {
    await world.close();
  }
}

for (const version of versions) describe(`what version ${version} has stored ends as it should:`, { concurrency: 4 }, () => {
  /** Letters had a key without the conversation. */
  const letterOf = (id: string) => (version === 1 ? `dead:${bot}:${id}` : `dead:${talk}:${id}`);

  test("a turn under way, and messages that wait", () =>
    startedOn(
      recorded("inbox", { version }),
      async (world) => {
        // The bot that hung has been mended.
        await hasEnded(world, [["1000000", "answered", "", 3], ["1000001", "answered", "", 1], ["1000002", "answered", "", 1], ["1000003", "answered", "", 1]]);
        assert.deepEqual(world.said({ user: person }, bot), [
          "Hello Andrew Joseph! I am a bot that runs on Halley. Say /help to see what I can do.",
          "You said: hello\nThat was message 2 here, and I keep no notes.",
          "You said: say 2\nThat was message 3 here, and I keep no notes.",
          "You said: silent\nThat was message 4 here, and I keep no notes.",
        ]);
        await isAccounted(world, { received: 4, answered: 4 });
        await areKnown(world, ["1000000", "1000001", "1000002", "1000003"]);
      },
      { settings: { BOTS: { [bot]: "assistant" } } },
    ));

  test("replies that wait, and one that CometChat has asked to wait for", () =>
    startedOn(recorded("outbox", { version }), async (world) => {
      await hasEnded(world, [["1000000", "answered", "", 1], ["1000001", "answered", "", 1], ["1000002", "answered", "", 1]]);
      assert.deepEqual(world.said({ user: person }, bot), ["1 of 3", "2 of 3", "3 of 3", "2: hello", "1 of 2", "2 of 2"]);
      await isAccounted(world, { received: 3, answered: 3 });
      await areKnown(world, ["1000000", "1000001", "1000002"]);
      await goesOn(world, "4: hello");
    }));

  test("a reply in doubt that CometChat has", () => {
    const { rows, ...doubt } = recorded("in-doubt", { version });
    const { body } = JSON.parse(rows[`${version}/outbox/0000000000000001/000000`]!);
    return startedOn(
      { ...doubt, rows },
      async (world) => {
        await hasEnded(world, [["1000000", "answered", "", 1], ["1000001", "answered", "", 1]]);
        assert.deepEqual(world.said({ user: person }, bot), ["1 of 2", "2 of 2", "2: hello"]);
        await isAccounted(world, { received: 2, answered: 2 });
        await goesOn(world, "3: hello");
      },
      { prepare: (world) => world.rest("POST", `/bots/${bot}/messages`, body) },
    );
  });

  test("a reply that has failed nine times, in an outage that goes on", () => {
    const { rows, ...doubt } = recorded("in-doubt", { version });
    const key = `${version}/outbox/0000000000000001/000000`;
    const { body, ...reply } = JSON.parse(rows[key]!);
    return startedOn(
      { ...doubt, rows: { ...rows, [key]: JSON.stringify({ ...reply, body, tries: 9 }) } },
      async (world) => {
        await eventually(async () => assert.equal((await world.view(talk)).waitsFor, "ERR_MISSION_FAILED"));
        assert.deepEqual((await world.view(talk)).counts, { ...none, received: 2 });
        // By now it waits for a minute at least.
        await world.kill();
        const later = world.rows(talk);
        const [first = ""] = Object.keys(later).filter((key) => key.startsWith("2/outbox/"));
        assert.equal(JSON.parse(later[first]!).tries, 10);
        world.plant(talk, { ...later, [first]: JSON.stringify({ ...JSON.parse(later[first]!), dueAt: 0 }) });
        world.emulator.set({ restOutage: "none" });
        await world.restart();
        await hasEnded(world, [["1000000", "answered", "", 1], ["1000001", "answered", "", 1]]);
        assert.deepEqual(world.said({ user: person }, bot), ["1 of 2", "2 of 2", "2: hello"]);
      },
      { prepare: (world) => world.emulator.set({ restOutage: "500" }) },
    );
  });

  test("letters that KV has not taken", () => {
    const letter = recorded("letter", { version });
    return startedOn(letter, async (world) => {
      const kv = await world.kv();
      for (const { key, value } of lettersIn(letter.rows)) {
        await eventually(async () => assert.deepEqual(JSON.parse((await kv.get(key)) ?? "null"), value));
      }
      const listed = await world.letter("1000001");
      assert.deepEqual([listed.kind, listed.reason, listed.attempts], ["reply", "ERR_BLOCKED_SENDER", 1]);
      await isAccounted(world, { received: 3, answered: 1, dead: 2 });
      await areKnown(world, ["1000000", "1000001", "1000002"]);
      await replayed(world, letterOf);
      await isAccounted(world, { received: 3, answered: 2, dead: 1 });
    });
  });

  test("dead letters", () =>
    startedOn(recorded("dead-letters", { version }), async (world) => {
      await isAccounted(world, { received: 2, dead: 2 });
      await replayed(world, letterOf);
      await isAccounted(world, { received: 2, answered: 1, dead: 1 });
      await areKnown(world, ["1000000", "1000001"]);
    }));

  test("dead letters that were replayed, and that KV still has", () => {
    const replayed = recorded("replayed", { version });
    const first = JSON.parse(replayed.kv[letterOf("1000000")]!).diedAt;
    return startedOn(replayed, async (world) => {
      await hasEnded(world, [["1000000", "dead", "bot:rehearsed", 3], ["1000001", "answered", "", 1]]);
      assert.deepEqual(world.said({ user: person }, bot), ["1 of 2", "2 of 2"]);
      await hasLetter(world, first);
      const kv = await world.kv();
      // In the place of the other one there is a new one.
      for (const id of version === 1 ? ["1000000", "1000001"] : ["1000001"]) {
        await eventually(async () => assert.equal(await kv.get(letterOf(id)), null), { within: 45_000 });
      }
      await isAccounted(world, { received: 2, answered: 1, dead: 1 });
    });
  });

  test("a conversation at rest goes on where it was, and empties itself", () =>
    startedOn(
      recorded("at-rest", { version, minutes: 0, stretch: 60 }),
      async (world) => {
        const counts = { received: 6, answered: 3, ignored: 1, handedOver: 1, dead: 1 };
        await isAccounted(world, counts);
        await areKnown(world, [0, 1, 2, 3, 4, 5].map((n) => `100000${n}`));
        await goesOn(world, "6: hello");
        await isAccounted(world, { ...counts, received: 7, answered: 4 });
        // Where KV did not show at once what was written, it is asked again after a minute or two.
        await eventually(() => assert.equal(world.worker.inFlight(), 0), { within: 150_000 });
        await isAccounted(world, { ...counts, received: 7, answered: 4 });
        const rested = JSON.parse((await (await world.kv()).get(`conversation:${talk}`)) ?? "null");
        // Ids of replies are kept for groups alone.
        assert.deepEqual([rested.state[0], rested.sent], [6, []]);
      },
      { settings: { REST_AFTER_SECONDS: 1, EMPTY_AFTER_SECONDS: 8 } },
    ));

  test("a group", () =>
    startedOn(recorded("group", { version }), async (world) => {
      const group = `${bot}:group:team-1`;
      const counts = { received: 8, answered: 2, ignored: 6 };
      await isAccounted(world, counts, group);
      const to = { group: "team-1" };
      await areKnown(world, [0, 1, 2, 3, 4, 5, 6, 7].map((n) => `100000${n}`), to);
      world.emulator.addMember("team-1", bot);
      const id = await world.rehearse("hello", person, { to });
      assert.equal((await world.ended(id)).outcome, "answered");
      assert.deepEqual(world.said(to, bot), ["3: hello"]);
      await isAccounted(world, { ...counts, received: 9, answered: 3 }, group);
    }));
});

describe("what version 2 has stored and version 1 did not know ends as it should:", { concurrency: true }, () => {
  const version = 2;

  test("a state in a row of its own, and replies that wait", () =>
    startedOn(recorded("large-state", { version }), async (world) => {
      await hasEnded(world, [["1000002", "answered", "", 1], ["1000003", "answered", "", 1]]);
      assert.deepEqual(world.said({ user: person }, bot), ["2: hello", "1 of 1"]);
      await isAccounted(world, { received: 3, answered: 3 });
      await areKnown(world, ["1000000", "1000002", "1000003"]);
      await goesOn(world, "4: hello");
      assert.deepEqual(JSON.parse(world.rows(talk)["2/state"] ?? "null"), [4, "x".repeat(5_000)]);
    }));

  test("a reply in doubt that a newer one has gone before", () =>
    startedOn(recorded("set-apart", { version }), async (world) => {
      await hasEnded(world, [["1000000", "answered", "", 1]]);
      assert.deepEqual(world.said({ user: person }, bot), ["1: hello"]);
      await isAccounted(world, { received: 2, answered: 2 });
      await areKnown(world, ["1000000", "1000001"]);
      await goesOn(world, "3: hello");
    }));

  test("a turn under way beside a row that was set aside", () =>
    startedOn(
      recorded("aside", { version }),
      async (world) => {
        // The bot that hung has been replaced by one that does not know its state.
        await hasEnded(world, [["1000002", "answered", "", 2], ["1000003", "answered", "", 1]]);
        assert.deepEqual(world.said({ user: person }, bot), [
          "Hello Andrew Joseph! I am a bot that runs on Halley. Say /help to see what I can do.",
          "You said: say 2\nThat was message 2 here, and I keep no notes.",
        ]);
        await isAccounted(world, { received: 3, answered: 3 });
        await areKnown(world, ["1000000", "1000002", "1000003"]);
        assert.equal((await world.view(talk)).setAside, 1);
        assert.equal(world.rows(talk)["aside/2/letter/0000000000000002"], "letter");
      },
      { settings: { BOTS: { [bot]: "assistant" } } },
    ));
});

describe("rows that this version does not read", { concurrency: true }, () => {
  test("of a newer version are left alone, logged and shown, and outlive the conversation", () => {
    const newer = { "3/inbox/0000000000000001": '{"id":"7","hologram":[]}', "3/record": '{"version":3}', "10/record": "{}" };
    return startedOn(
      { conversation: talk, rows: (rows) => ({ ...rows, ...newer }) },
      async (world) => {
        await goesOn(world, "2: hello");
        assert.deepEqual(world.lines("rows_of_a_newer_version").map(({ conversation, detail }) => [conversation, detail]), [[talk, "3"]]);
        const view = await world.view(talk);
        assert.deepEqual([view.newer, view.setAside], [3, 0]);
        // What is left of the conversation when it has emptied itself.
        await eventually(() => assert.deepEqual(world.rows(talk), sorted(newer)), { within: 30_000 });
        await goesOn(world, "3: hello");
        await isAccounted(world, { received: 3, answered: 2, ignored: 1 });
      },
      { settings: { REST_AFTER_SECONDS: 1, EMPTY_AFTER_SECONDS: 4 } },
    );
  });

  test("a letter that is no JSON is set aside, and those behind it go to KV", () =>
    startedOn({ conversation: talk, rows: (rows) => ({ ...rows, "2/letter/0000000000000002": "letter" }) }, async (world) => {
      const id = await world.rehearse("fill 2000000", person);
      assert.equal((await world.letter(id)).reason, "state_too_large");
      assert.deepEqual(world.lines("row_set_aside").map(({ detail }) => detail), ["2/letter/0000000000000002"]);
      assert.equal((await world.view(talk)).setAside, 1);
      assert.equal(world.rows(talk)["aside/2/letter/0000000000000002"], "letter");
    }));
});

test("a conversation beside rows of a newer version is shown with its counts when it rests in KV", async () => {
  const world = await startWorld({ canRestart: true, settings: { REST_AFTER_SECONDS: 1, EMPTY_AFTER_SECONDS: 4 } });
  try {
    await world.ended(await world.rehearse("hello", person));
    await world.kill();
    world.plant(talk, { ...world.rows(talk), "3/record": '{"version":3}' });
    await world.restart();
    await eventually(() => assert.deepEqual(Object.keys(world.rows(talk)), ["3/record"]), { within: 30_000 });
    const { counts, newer } = await world.view(talk);
    assert.deepEqual([newer, counts], [1, { received: 1, answered: 1, ignored: 0, handedOver: 0, dead: 0 }]);
  } finally {
    await world.close();
  }
});

test("a record that is no JSON is set aside, and the conversation goes on with what KV has of it", async () => {
  const world = await startWorld({ canRestart: true, settings: { REPLY_BUDGET_PER_MINUTE: 0, REST_AFTER_SECONDS: 1, EMPTY_AFTER_SECONDS: 600 } });
  try {
    const first = await world.rehearse("hello", person);
    await eventually(async () => assert.notEqual(await (await world.kv()).get(`conversation:${talk}`), null));
    await world.kill();
    world.plant(talk, { ...world.rows(talk), "2/record": "{" });
    await world.restart();
    await eventually(() => assert.equal(world.rows(talk)["aside/2/record"], "{"));
    await isAccounted(world, { received: 1, answered: 1 });
    await areKnown(world, [first]);
    await goesOn(world, "2: hello");
    await isAccounted(world, { received: 2, answered: 2 });
    assert.equal((await world.view(talk)).setAside, 1);
  } finally {
    await world.close();
  }
});

describe("a row that cannot be read is set aside, logged and shown, its message is dead, and the conversation goes on:", { concurrency: true }, () => {
  const reply = (n: number, fields: object = {}) => JSON.stringify({
    id: `${bot}-lost-answer-${n}`,
    seq: 7,
    messageId: "lost",
    kind: "message/text",
    last: n === 1,
    outcome: "answered",
    madeAt: 1,
    dueAt: 0,
    doubtful: false,
    body: { receiver: person, receiverType: "user", data: { text: `reply ${n}` } },
    ...fields,
  });
  // The first row of each is the one that cannot be read.
  const damaged: [what: string, rows: [key: string, value: string][], dead: string, counted: boolean][] = [
    ["a message that is no JSON", [["2/inbox/0000000000000007", '{"id":"lost","sen']], "", false],
    ["a message without its message", [["2/inbox/0000000000000007", '{"id":"lost","sender":"cometchat-uid-1","seq":7}']], "lost", false],
    ["a message of another type", [["2/inbox/0000000000000007", "[]"]], "", false],
    ["the only reply", [["2/outbox/0000000000000007/000000", "reply"]], "", true],
    ["the first of two replies", [["2/outbox/0000000000000007/000000", reply(0, { body: undefined })], ["2/outbox/0000000000000007/000001", reply(1)]], "lost", true],
    ["the second of two replies", [["2/outbox/0000000000000007/000001", reply(1, { seq: "seven" })], ["2/outbox/0000000000000007/000000", reply(0)]], "lost", true],
    ["a reply in doubt that newer ones go before", [["2/doubt/0000000000000007/000000", "null"]], "", true],
  ];

  let world: World;
  before(async () => {
    world = await startWorld({ canRestart: true });
    for (const n of damaged.keys()) {
      world.emulator.addUser({ uid: `person-${n}`, name: `Person ${n}` });
      await world.ended(await world.rehearse("silent", `person-${n}`));
    }
    await world.kill();
    for (const [n, [, planted, , counted]] of damaged.entries()) {
      const conversation = `${bot}:user:person-${n}`;
      const rows = { ...world.rows(conversation), ...Object.fromEntries(planted) };
      // A message whose replies were on their way had been counted as received.
      if (counted) rows["2/record"] = withOneMore(rows["2/record"]!);
      world.plant(conversation, rows);
    }
    await world.restart();
  });
  after(() => world.close());

  for (const [n, [what, planted, dead]] of damaged.entries()) {
    test(what, async () => {
      const conversation = `${bot}:user:person-${n}`;
      const ends = () => world.ends().filter((end) => end.conversation === conversation && end.outcome === "dead");
      await eventually(() => assert.deepEqual(ends().map(({ messageId, reason }) => [messageId, reason]), [[dead, "unreadable_row"]]));
      const id = await world.rehearse("hello", `person-${n}`);
      assert.equal((await world.ended(id)).outcome, "answered");
      // What is left of an answer is in a letter, and not sent.
      assert.deepEqual(world.said({ user: `person-${n}` }, bot), ["2: hello"]);
      if (planted.length > 1) assert.equal((await world.letter("lost", { conversation })).kind, "reply");

      const [key, value] = planted[0]!;
      const lines = world.lines("row_set_aside").filter((line) => line["conversation"] === conversation);
      assert.deepEqual(lines.map(({ detail }) => detail), [key]);
      const rows = world.rows(conversation);
      assert.equal(rows[`aside/${key}`], value);
      for (const [gone] of planted) assert.equal(rows[gone], undefined);
      const { setAside, newer } = await world.view(conversation);
      assert.deepEqual([setAside, newer], [1, 0]);
      await isAccounted(world, { received: 3, answered: 1, ignored: 1, dead: 1 }, conversation);
    });
  }
});

/** Waits until these messages, and none besides the one that made the object, have ended like this. */
async function hasEnded(world: World, expected: [id: string, outcome: End["outcome"], reason: string, attempts: number][]): Promise<void> {
  const ends = await Promise.all(expected.map(([id]) => world.ended(id, { within: 30_000 })));
  assert.deepEqual(ends.map(({ messageId, outcome, reason, attempts }) => [messageId, outcome, reason, attempts]), expected);
}

/** Waits until nothing is in flight and everything is counted like this. */
function isAccounted(world: World, expected: Partial<View["counts"]>, conversation = talk): Promise<void> {
  return eventually(
    async () => {
      const { counts, inFlight } = await world.view(conversation);
      assert.deepEqual([counts, inFlight], [{ ...none, ...expected }, 0]);
    },
    { within: 20_000 },
  );
}

/** Whether these messages are known to have been received. */
async function areKnown(world: World, ids: string[], to: { group: string } | { user: string } = { user: bot }): Promise<void> {
  for (const id of ids) {
    const { body } = await world.post(afterMessage({ id, sender: person, to }, { bot }), { bot });
    assert.deepEqual([id, body], [id, { status: "duplicate" }]);
  }
}

/** Whether the next message is answered, with what the bot remembers. */
async function goesOn(world: World, text: string): Promise<void> {
  const id = await world.rehearse("hello", person);
  assert.equal((await world.ended(id)).outcome, "answered");
  assert.equal(world.said({ user: person }, bot).at(-1), text);
}

/** The letters that KV has not taken, as it is to have them. */
function lettersIn(rows: Rows): { key: string; value: object }[] {
  const keys = Object.keys(rows).filter((key) => /^\d\/letter\/\d{16}$/.test(key));
  return keys.map((at) => {
    const { key, value, pieces } = JSON.parse(rows[at]!);
    // Version 1 had all of a letter in its row.
    const found = Object.keys(rows).filter((row) => row.startsWith(`${at}/`)).map((row) => JSON.parse(rows[row]!));
    return { key, value: { ...JSON.parse(value), ...(pieces && { [pieces]: pieces === "turn" ? found[0] : found }) } };
  });
}

/** Replays both letters, of which KV has these keys: the turn dies again, and the replies are sent without a look. */
async function replayed(world: World, letterOf: (id: string) => string): Promise<void> {
  const first = JSON.parse((await (await world.kv()).get(letterOf("1000000"))) ?? assert.fail("KV has no letter.")).diedAt;
  for (const id of ["1000000", "1000001"]) assert.deepEqual(await world.replay(letterOf(id).split(":").slice(1, -1).join(":"), id), [200, "accepted"]);
  await hasEnded(world, [["1000000", "dead", "bot:rehearsed", 3], ["1000001", "answered", "", 1]]);
  assert.deepEqual(world.said({ user: person }, bot), ["1 of 2", "2 of 2"]);
  assert.deepEqual([world.calls("1000001").sends.length, world.calls("1000001").looks.length], [2, 0]);
  const kv = await world.kv();
  // A letter that KV may still be about to take is not deleted at once.
  for (const id of ["1000000", "1000001"]) {
    const isGone = async () => {
      const letter = JSON.parse((await kv.get(letterOf(id))) ?? "null");
      assert.ok(letter === null || (id === "1000000" && letter.diedAt > first), `The letter about ${id} is still there.`);
    };
    await eventually(isGone, { within: 45_000 });
  }
  await hasLetter(world, first);
}

/**
 * Whether KV has been told that the turn has died once more, later than `first`, or has to be: that may wait until the former letter is
 * surely gone.
 */
function hasLetter(world: World, first: number): Promise<void> {
  const key = `dead:${talk}:1000000`;
  return eventually(async () => {
    const letter = JSON.parse((await (await world.kv()).get(key)) ?? "null");
    const isTold = letter !== null && letter.diedAt > first;
    const letters = Object.entries(world.rows(talk)).filter(([key]) => /^2\/letter\/\d{16}$/.test(key));
    const keys = new Set(letters.map(([, letter]) => JSON.parse(letter).key));
    assert.deepEqual([...keys], isTold ? [] : [key]);
  });
}

/** A record that has counted one more message as received. */
function withOneMore(record: string): string {
  const { counts, ...rest } = JSON.parse(record);
  return JSON.stringify({ ...rest, counts: { ...counts, received: counts.received + 1 } });
}

function sorted(rows: Rows): Rows {
  return Object.fromEntries(Object.entries(rows).sort(([one], [other]) => (one < other ? -1 : 1)));
}
