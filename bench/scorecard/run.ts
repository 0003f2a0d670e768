/** One run: the emulator in this process, the runtime in a process group beside it, a plan, and what came of it. */

import { setTimeout as sleep } from "node:timers/promises";

import type { Emulator, Message, SettingValue } from "../../emulator/index.ts";
import { startEmulator } from "../../emulator/index.ts";
import { local } from "../../scripts/lib/local.mjs";
import type { Account, Entry, Verdict } from "./ledger.ts";
import { judge } from "./ledger.ts";
import type { Place, Plan } from "./plan.ts";
import { answersTo, BOT } from "./plan.ts";
import { Runtime } from "./runtime.ts";
import type { Trouble } from "./scenarios.ts";
import { SHARE_IN_TROUBLE } from "./scenarios.ts";
import { Watch } from "./watch.ts";

/** How often the emulator is looked at. */
const EVERY_MS = 250;

/** Messages whose callback has not been answered or failed yet; before there are more, nobody says anything. */
export const MAX_WAITING = 60;

/** How long the last messages may take to end. After an outage a reply may wait for minutes, and others behind it. */
const DRAIN_MS = 600_000;

export interface RunOptions {
  plan: Plan;
  seed: number;
  /** The emulator's `callbackRetries`: `none`, or seconds. */
  redelivery: string;
  /** Faults and switches of the emulator. */
  faults: Record<string, SettingValue>;
  trouble?: Trouble | undefined;
  /** Of the worker, besides those of `npm start`. */
  settings: Record<string, string | number>;
  isCounted: boolean;
  /** Whether to wait until every conversation has rested. */
  untilRest: boolean;
  /** Whether to tell all about the messages that took the longest. */
  explain: boolean;
  progress: (words: string) => void;
}

/** How messages came to be answered, once they could be again. All times are milliseconds since then. */
export interface Recovery {
  /** Messages that were acknowledged and not answered when the kill came, or the trouble was over. */
  inFlight: number;
  firstAnswer: number | undefined;
  /** Until half of those in flight were answered, and until the last was. Infinity where that never came. */
  halfAnswered: number | undefined;
  allAnswered: number | undefined;
}

/** One kill. The times are those since the runtime could be reached again. */
export interface AfterKill extends Recovery {
  /** From the kill until the runtime could be reached again. */
  outage: number;
}

export interface Result {
  verdict: Verdict;
  recoveries: AfterKill[];
  /** After the trouble, where there was one. */
  relief: Recovery | undefined;
  /** Milliseconds from posting a callback to its 200, sorted. Those that came to nothing are not in here. */
  acknowledgements: number[];
  deliveries: { posted: number; accepted: number; duplicate: number; failed: number };
  /** Answers with a fault, by fault, and calls by operation. */
  faults: Record<string, number>;
  calls: Record<string, number>;
  /** What `wrapper.js` has counted. */
  counted: Record<string, number>;
  /** Lines of the log by their event. */
  events: Record<string, number>;
  panics: number;
  /** Whether everything has ended in time. */
  isDrained: boolean;
  seconds: number;
  /** What is known of messages with which something is wrong. */
  evidence: string[];
}

export async function run(options: RunOptions): Promise<Result> {
  const { plan, seed, redelivery, faults, settings, isCounted } = options;
  const emulator = await startEmulator({
    seed,
    firstMessageId: 1_000_000,
    world: { users: [], bots: [], groups: [] },
    settings: { callbackRetries: redelivery, ...faults },
    limits: { exchanges: 20_000 },
  });
  const log = new Log();
  let lose: (error: Error) => void = () => {};
  const lost = new Promise<never>((_, reject) => {
    lose = reject;
  });
  const runtime = await Runtime.prepare({
    apiUrl: emulator.apiUrl,
    // The plan may well say more than 30 messages a minute in one conversation.
    settings: { BOTS: { [BOT]: "rehearsal" }, REPLY_BUDGET_PER_MINUTE: 0, ...settings },
    isCounted,
    onLine: (line) => log.read(line),
    onLost: lose,
  });
  try {
    populate(emulator, runtime, plan);
    return await Promise.race([new Run(options, emulator, runtime, log).go(), lost]);
  } finally {
    await runtime.stop();
    await emulator.close();
  }
}

class Run {
  readonly #options: RunOptions;
  readonly #emulator: Emulator;
  readonly #runtime: Runtime;
  readonly #log: Log;
  readonly #watch: Watch;
  readonly #entries = new Map<string, Entry>();
  readonly #kills: { at: number; reachableAt: number }[] = [];
  readonly #startedAt = Date.now();
  /** When the trouble was over. */
  #relievedAt: number | undefined;
  #sent = 0;

  constructor(options: RunOptions, emulator: Emulator, runtime: Runtime, log: Log) {
    this.#options = options;
    this.#emulator = emulator;
    this.#runtime = runtime;
    this.#log = log;
    this.#watch = new Watch(emulator);
  }

  async go(): Promise<Result> {
    await this.#runtime.start();
    // workerd takes its time with the first request.
    await (await fetch(`${this.#runtime.url}/health`)).arrayBuffer();
    const looking = setInterval(() => this.#watch.look(), EVERY_MS);
    let isDrained: boolean;
    try {
      await Promise.all([this.#speak(), this.#kill(), this.#trouble()]);
      isDrained = await this.#drain();
    } finally {
      clearInterval(looking);
    }
    this.#watch.look();
    return this.#result(isDrained);
  }

  async #speak(): Promise<void> {
    const { plan } = this.#options;
    let late = 0;
    const beginning = Date.now();
    for (const line of plan.lines) {
      const wait = beginning + late + line.at - Date.now();
      if (wait > 0) await sleep(wait);
      // A slow machine must not turn this into a measurement of how many callbacks it can bear.
      while (this.#sent - this.#watch.tried.size >= MAX_WAITING) {
        await sleep(EVERY_MS / 4);
        this.#watch.look();
        late = Math.max(late, Date.now() - beginning - line.at);
      }
      const { place, sender, text } = line;
      const receiver = place.receiverType === "user" ? BOT : place.peer;
      const { id } = this.#emulator.send({ sender, receiver, receiverType: place.receiverType, text });
      this.#entries.set(id, { ...line, id, deliveries: [], postedAt: Infinity, acknowledgedAt: Infinity, answers: [] });
      this.#sent += 1;
      this.#tell("sending");
    }
  }

  async #kill(): Promise<void> {
    for (const kill of this.#options.plan.kills) {
      while (this.#sent < kill) await sleep(10);
      const at = Date.now();
      await this.#runtime.kill();
      this.#kills.push({ at, reachableAt: await this.#runtime.start() });
    }
  }

  async #trouble(): Promise<void> {
    const { trouble, plan } = this.#options;
    if (trouble === undefined) return;
    while (this.#sent < (plan.lines.length * (1 - SHARE_IN_TROUBLE)) / 2) await sleep(10);
    for (const phase of trouble.phases) {
      this.#emulator.set(phase);
      await sleep((trouble.seconds * 1000) / trouble.phases.length);
    }
    this.#emulator.set(trouble.over);
    this.#relievedAt = Date.now();
  }

  /**
   * Waits until everything has ended. At first only CometChat's side is watched: asking an object how it is would wake
   * it, and that is what its alarm is for.
   */
  async #drain(): Promise<boolean> {
    const deadline = Date.now() + DRAIN_MS;
    const inTime = () => Date.now() < deadline;
    await this.#emulator.idle({ timeout: DRAIN_MS });
    while (inTime() && (await this.#open()).length > 0) await this.#pause("waiting for the last answers");
    for (const place of this.#options.plan.places) {
      for (;;) {
        const account = await this.#account(place);
        if (account === undefined || (account.inFlight === 0 && (account.archived === account.generation || !this.#options.untilRest))) break;
        if (!inTime()) return false;
        await this.#pause("waiting for the conversations to rest");
      }
    }
    return inTime();
  }

  async #pause(what: string): Promise<void> {
    this.#tell(what);
    await sleep(500);
  }

  /** Messages that were acknowledged, and are neither answered nor dead; those that want silence aside. */
  async #open(): Promise<Entry[]> {
    const dead = await this.#deadLetters();
    return [...this.#watch.acknowledged.keys()]
      .map((id) => this.#entries.get(id)!)
      .filter(({ id, kind }) => !dead.has(id) && replies(id, kind).some((reply) => !this.#watch.accepted.has(reply)));
  }

  #tell(what: string): void {
    const n = (value: number) => value.toLocaleString("en");
    const seconds = Math.round((Date.now() - this.#startedAt) / 1000);
    const { acknowledged, accepted } = this.#watch;
    this.#options.progress(
      `${seconds} s, ${what}: ${n(this.#sent)} sent, ${n(acknowledged.size)} acknowledged, ${n(accepted.size)} answers, ${this.#kills.length} kills`,
    );
  }

  #ask(path: string): Promise<Response> {
    return fetch(`${this.#runtime.url}/admin/${path}`, { headers: { Authorization: `Bearer ${local.adminToken}` } });
  }

  async #account(place: Place): Promise<(Account & { generation: number; archived: number }) | undefined> {
    const response = await this.#ask(`conversations/${BOT}/${place.receiverType}/${place.peer}`);
    const body: any = await response.json();
    return response.ok ? body : undefined;
  }

  /** Ids of the messages that have a dead letter, with the reason. */
  async #deadLetters(): Promise<Map<string, string>> {
    const dead = new Map<string, string>();
    let cursor = "";
    do {
      const page: any = await (await this.#ask(`dead?limit=1000${cursor && `&cursor=${cursor}`}`)).json();
      for (const { message, reason } of page.items) dead.set(message.split(":").at(-1), reason);
      cursor = page.cursor ?? "";
    } while (cursor !== "");
    return dead;
  }

  async #result(isDrained: boolean): Promise<Result> {
    const { plan, trouble, explain } = this.#options;
    const { deliveries, calls } = this.#watch;
    for (const delivery of deliveries) {
      const entry = this.#entries.get(delivery.messageId);
      if (entry === undefined) continue;
      entry.deliveries.push(delivery);
      // One that was under way at a kill may have been stored, broken off, and refused only when it was tried again.
      const isNothing = delivery.isRefused && this.#kills.some(({ at, reachableAt }) => delivery.at > at && delivery.at < reachableAt);
      if (!isNothing) entry.postedAt = Math.min(entry.postedAt, delivery.at);
      if (delivery.status === 200) entry.acknowledgedAt = Math.min(entry.acknowledgedAt, delivery.end);
    }
    const accounts = new Map<Place, Account | undefined>();
    for (const place of plan.places) accounts.set(place, await this.#account(place));
    const histories = new Map(plan.places.map((place) => [place, this.#history(place)]));
    const verdict = judge({ entries: this.#entries, histories, accounts, dead: await this.#deadLetters() });
    const killed = trouble === undefined ? [] : verdict.dead;
    const suspects = [...verdict.lost, ...verdict.twice, ...verdict.outOfOrder, ...killed, ...(explain ? this.#slowest() : [])].slice(0, 5);
    return {
      verdict,
      ...this.#recoveries(),
      acknowledgements: deliveries.filter(({ status }) => status === 200).map(({ at, end }) => end - at).sort((one, other) => one - other),
      deliveries: {
        posted: deliveries.length,
        accepted: deliveries.filter(({ answer }) => answer === "accepted").length,
        duplicate: deliveries.filter(({ answer }) => answer === "duplicate").length,
        failed: deliveries.filter(({ status }) => status !== 200).length,
      },
      faults: tally(calls.flatMap(({ fault }) => fault ?? [])),
      calls: tally(calls.map(({ operation }) => operation)),
      counted: this.#log.counted,
      events: this.#log.events,
      panics: this.#log.panics,
      isDrained,
      seconds: Math.round((Date.now() - this.#startedAt) / 1000),
      evidence: suspects.map((id) => this.#evidence(id)),
    };
  }

  /** All that was said in a conversation, replies in threads too, without what was done to messages. */
  #history({ receiverType, peer }: Place): Message[] {
    const where = { person: BOT, receiver: peer, receiverType, limit: 500 };
    const history: Message[] = [];
    let before: string | undefined;
    for (;;) {
      const page = this.#emulator.messages({ ...where, ...(before !== undefined && { before }) });
      history.push(...page);
      if (page.length < 500) break;
      before = page[0]!.id;
    }
    const threads = history.filter(({ replyCount = 0 }) => replyCount > 0);
    history.push(...threads.flatMap(({ id }) => this.#emulator.messages({ ...where, parentId: id })));
    return history.filter(({ category }) => category !== "action").sort((one, other) => Number(one.id) - Number(other.id));
  }

  /** When CometChat has accepted each reply. */
  #acceptances(): Map<string, number> {
    const acceptedAt = new Map<string, number>();
    for (const call of this.#watch.calls) {
      if (call.created === undefined || call.reply === undefined) continue;
      const at = call.fault === "restAcceptedLate" ? call.end : call.at;
      acceptedAt.set(call.reply, Math.min(at, acceptedAt.get(call.reply) ?? Infinity));
    }
    return acceptedAt;
  }

  /** Ids of the messages that waited the longest for the last of their answers. */
  #slowest(): string[] {
    const acceptedAt = this.#acceptances();
    const took = ({ id, kind, acknowledgedAt }: Entry) =>
      Math.max(...replies(id, kind).map((reply) => acceptedAt.get(reply) ?? -Infinity)) - acknowledgedAt;
    const answered = [...this.#entries.values()].map((entry) => ({ id: entry.id, took: took(entry) }));
    return answered.sort((one, other) => other.took - one.took).slice(0, 3).map(({ id }) => id);
  }

  #recoveries(): { recoveries: AfterKill[]; relief: Recovery | undefined } {
    const acceptedAt = this.#acceptances();
    const answeredAt = ({ id, kind }: Entry) => Math.max(...replies(id, kind).map((reply) => acceptedAt.get(reply) ?? Infinity));
    const speaking = [...this.#entries.values()].filter(({ kind }) => kind !== "silent");
    const recovery = (at: number, since: number): Recovery => {
      const inFlight = speaking.filter((entry) => entry.acknowledgedAt <= at && answeredAt(entry) > at);
      const first = Math.min(...[...acceptedAt.values()].filter((time) => time >= since));
      const answered = inFlight.map((entry) => Math.max(0, answeredAt(entry) - since)).sort((one, other) => one - other);
      return {
        inFlight: inFlight.length,
        firstAnswer: Number.isFinite(first) ? first - since : undefined,
        halfAnswered: answered[answered.length >> 1],
        allAnswered: answered.at(-1),
      };
    };
    const relievedAt = this.#relievedAt;
    return {
      recoveries: this.#kills.map(({ at, reachableAt }) => ({ outage: reachableAt - at, ...recovery(at, reachableAt) })),
      relief: relievedAt === undefined ? undefined : recovery(relievedAt, relievedAt),
    };
  }

  /** Everything that is known of a message. */
  #evidence(id: string): string {
    const { place, deliveries, answers, ...entry } = this.#entries.get(id)!;
    const calls = this.#watch.calls.filter(({ reply, path }) => reply?.includes(`-${id}-`) || path.includes(`/${place.peer}/messages`));
    const log = this.#log.lines.filter((line) => line.includes(`"${id}"`) || (line.includes(`:${place.peer}"`) && !line.includes('"messageId"')));
    return JSON.stringify({ ...entry, place, deliveries, answers, calls, log: log.slice(-40), kills: this.#kills }, null, 2);
  }
}

/** The ids of the replies that a message asks for. */
function replies(id: string, kind: Entry["kind"]): string[] {
  return Array.from({ length: answersTo[kind] }, (_, n) => `${BOT}-${id}-answer-${n}`);
}

function populate(emulator: Emulator, runtime: Runtime, { places }: Plan): void {
  emulator.addBot({
    uid: BOT,
    webhookURL: `${runtime.url}/callback/${BOT}`,
    groupChatSetting: "allMessages",
    useBasicAuth: true,
    username: local.callbackUsername,
    password: local.callbackPassword,
    enabled: true,
  });
  for (const { receiverType, peer, people } of places) {
    for (const uid of people) emulator.addUser({ uid, name: uid });
    if (receiverType === "user") continue;
    emulator.addGroup({ guid: peer, name: peer, members: Object.fromEntries([...people, BOT].map((uid) => [uid, "participant" as const])) });
  }
}

/** What workerd has printed, in all its lives. */
class Log {
  readonly lines: string[] = [];
  readonly events: Record<string, number> = {};
  readonly counted: Record<string, number> = {};
  panics = 0;

  read(line: string): void {
    if (/Rust panic|panicked at/.test(line)) this.panics += 1;
    const body = parsed(line);
    if (body?.counted) {
      for (const [what, n] of Object.entries(body.counted)) this.counted[what] = (this.counted[what] ?? 0) + Number(n);
      return;
    }
    this.lines.push(`${Date.now()} ${line}`);
    const event = body?.event === undefined ? "other" : body.event === "message" ? `message ${body.outcome}` : body.event;
    this.events[event] = (this.events[event] ?? 0) + 1;
  }
}

function parsed(line: string): { event?: string; outcome?: string; counted?: object } | undefined {
  try {
    return JSON.parse(line);
  } catch {
    return undefined;
  }
}

function tally(words: string[]): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const word of words) counts[word] = (counts[word] ?? 0) + 1;
  return counts;
}
