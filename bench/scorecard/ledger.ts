/**
 * The ledger: what became of every message, by what CometChat's side has seen. The worker's own accounts come in only
 * where nothing can be seen from outside (a message that the bot ignores), and to be compared at the end.
 */

import type { Message } from "../../emulator/index.ts";
import type { Kind, Line, Place } from "./plan.ts";
import { answersTo, BOT } from "./plan.ts";
import type { Delivery } from "./watch.ts";

/** A message that was sent, and what was seen of it. */
export interface Entry extends Line {
  id: string;
  deliveries: Delivery[];
  /** When it can have been stored at the earliest: when it was first posted to something that listened. */
  postedAt: number;
  /** When it was stored at the latest: the first 200. Infinity where there was none. */
  acknowledgedAt: number;
  /** Its answers in the history, in order. */
  answers: Answer[];
  /** Whether the bot has reacted to it. */
  hasReaction?: boolean;
}

export interface Answer {
  /** Index in the history of the conversation. */
  position: number;
  /** Which of the message's answers it is: 0 is the first. */
  n: number;
  id: string;
  text: string;
}

/** What `GET /admin/conversations/{…}` tells. */
export interface Account {
  counts: { received: number; answered: number; ignored: number; handedOver: number; dead: number };
  inFlight: number;
}

export interface Evidence {
  entries: Map<string, Entry>;
  /** The conversation's history, the oldest first. */
  histories: Map<Place, Message[]>;
  accounts: Map<Place, Account | undefined>;
  /** Ids of the messages of which there is a dead letter, with the reason. */
  dead: Map<string, string>;
}

export interface Verdict {
  sent: number;
  /** Messages for which a 200 was seen. */
  received: number;
  answered: number;
  ignored: number;
  dead: string[];
  lost: string[];
  twice: string[];
  outOfOrder: string[];
  /** Share of neighbours in a conversation whose order is beyond doubt: the second was posted after the 200 of the first. */
  orderKnown: number;
  /** Conversations whose bot has counted a turn twice or gone back behind one. */
  rolledBack: string[];
  /** Answers that belong to no message, or say something else than expected. */
  unexpected: string[];
  /** Never acknowledged and never dealt with, by what its last delivery came to. */
  notAcknowledged: Record<string, number>;
  /** Never acknowledged, but stored and dealt with: the 200 was on its way when the runtime died, or too late. */
  unacknowledged: { answered: number; ignored: number };
  /** Where the worker's own accounts say something else. */
  disagreements: string[];
}

export function judge({ entries, histories, accounts, dead }: Evidence): Verdict {
  const unexpected: string[] = [];
  const rolledBack: string[] = [];
  for (const [place, history] of histories) {
    let turns = 0;
    history.forEach((message, position) => {
      if (message.sender !== BOT) {
        const asked = entries.get(message.id);
        if (asked) asked.hasReaction = Array.isArray(message.data?.["reactions"]) && message.data["reactions"].length === 1;
        return;
      }
      const text = String(message.data?.["text"]);
      const entry = attribute(entries, message, position, text);
      if (entry === undefined) unexpected.push(`${message.id}: ${text}`);
      else if (entry.kind === "echo") {
        const counted = Number(text.split(":")[0]);
        if (counted <= turns) rolledBack.push(`${place.peer}: turn ${counted} after turn ${turns}`);
        turns = Math.max(turns, counted);
      }
    });
  }

  const all = [...entries.values()];
  const isAcknowledged = (entry: Entry) => entry.acknowledgedAt < Infinity;
  const speaking = all.filter(({ kind }) => kind !== "silent");
  const acknowledged = all.filter(isAcknowledged);
  const isDead = (entry: Entry) => dead.has(entry.id);
  const lost = acknowledged.filter((entry) => entry.kind !== "silent" && !isAnswered(entry) && !isDead(entry)).map(({ id }) => id);
  const disagreements: string[] = [];
  const silently = new Set<Entry>();
  for (const [place, account] of accounts) {
    const here = all.filter((entry) => entry.place === place);
    const { missing, more } = compare(place, account, here, dead, disagreements);
    lost.push(...missing);
    for (const entry of likeliest(here, more)) silently.add(entry);
  }
  const ignored = acknowledged.filter((entry) => entry.kind === "silent" && !lost.includes(entry.id) && !isDead(entry)).length;

  const order = inversions(histories, all);
  const notAcknowledged: Record<string, number> = {};
  const unacknowledged = all.filter((entry) => !isAcknowledged(entry));
  const unheard = unacknowledged.filter((entry) => entry.answers.length === 0 && !silently.has(entry));
  for (const entry of unheard) {
    const cause = causeOf(entry);
    notAcknowledged[cause] = (notAcknowledged[cause] ?? 0) + 1;
  }
  return {
    sent: all.length,
    received: acknowledged.length,
    answered: acknowledged.filter(isAnswered).length,
    ignored,
    dead: acknowledged.filter(isDead).map(({ id }) => id),
    lost,
    twice: speaking.filter(isAnsweredTwice).map(({ id }) => id),
    outOfOrder: order.outOfOrder,
    orderKnown: order.known,
    rolledBack,
    unexpected,
    notAcknowledged,
    unacknowledged: { answered: unacknowledged.filter(({ answers }) => answers.length > 0).length, ignored: silently.size },
    disagreements,
  };
}

/** Whether all that the message asked for has been said. */
export function isAnswered({ kind, answers, hasReaction }: Pick<Entry, "kind" | "answers" | "hasReaction">): boolean {
  if (kind === "react") return hasReaction === true;
  return kind !== "silent" && new Set(answers.map(({ n }) => n)).size === answersTo[kind];
}

function isAnsweredTwice({ kind, answers }: Entry): boolean {
  return answers.length > answersTo[kind] || new Set(answers.map(({ id }) => id)).size < answers.length;
}

/** Gives an answer to the message that it belongs to, by the id in its metadata; its text must fit. */
function attribute(entries: Map<string, Entry>, message: Message, position: number, text: string): Entry | undefined {
  const metadata = message.data?.["metadata"] as { halley?: string } | undefined;
  const [, messageId = "", number = ""] = /^.*-([^-]+)-answer-(\d+)$/.exec(metadata?.halley ?? "") ?? [];
  const entry = entries.get(messageId);
  if (entry === undefined) return undefined;
  const n = Number(number);
  const fits: Record<Kind, boolean> = {
    echo: /^\d+: /.test(text) && text.endsWith(`: ${entry.text}`),
    say: text === `${n + 1} of 2`,
    silent: false,
    picture: message.type === "image" && text === entry.text,
    custom: message.category === "custom",
    thread: message.parentId === entry.id && text === entry.text,
    edit: message.editedBy === BOT && text === entry.text,
    react: false,
  };
  if (!fits[entry.kind]) return undefined;
  entry.answers.push({ position, n, id: metadata?.halley ?? "", text });
  return entry;
}

/** The worker's account of a conversation beside the ledger's. */
function compare(
  place: Place,
  account: Account | undefined,
  here: Entry[],
  dead: Map<string, string>,
  disagreements: string[],
): { missing: string[]; more: number } {
  const acknowledged = here.filter(({ acknowledgedAt }) => acknowledgedAt < Infinity);
  const silent = acknowledged.filter((entry) => entry.kind === "silent" && !dead.has(entry.id));
  if (account === undefined) {
    // Of silent messages only the account can tell; the others show in the history.
    return { missing: silent.map(({ id }) => id), more: 0 };
  }
  const { counts, inFlight } = account;
  const disagree = (what: string, worker: number, ledger: number) => {
    if (worker !== ledger) disagreements.push(`${place.peer}: ${what} ${worker} by the worker, ${ledger} by the ledger`);
  };
  const ignored = counts.ignored;
  // A silent message that was stored and never acknowledged shows here alone.
  const more = Math.max(0, ignored - silent.length);
  const unacknowledged = here.filter(({ acknowledgedAt }) => acknowledgedAt === Infinity);
  if (more > unacknowledged.filter(({ kind }) => kind === "silent").length) disagree("ignored", ignored, silent.length);
  disagree("answered", counts.answered, here.filter((entry) => isAnswered(entry) && !dead.has(entry.id)).length);
  disagree("dead", counts.dead, here.filter(({ id }) => dead.has(id)).length);
  disagree("in flight", inFlight, 0);
  disagree("received", counts.received, counts.answered + counts.ignored + counts.handedOver + counts.dead + inFlight);
  const missing = Math.max(0, silent.length - ignored);
  return { missing: silent.slice(silent.length - missing).map(({ id }) => id), more };
}

/** As many silent messages that were stored without a 200: the account tells how many, not which. */
function likeliest(here: Entry[], many: number): Entry[] {
  const silent = here.filter(({ kind, acknowledgedAt }) => kind === "silent" && acknowledgedAt === Infinity);
  return silent.sort((one, other) => Number(one.postedAt === Infinity) - Number(other.postedAt === Infinity)).slice(0, many);
}

/**
 * Answers that stand before those of an earlier message. Earlier is what was acknowledged before the other was posted at
 * all; where the two overlapped, nobody outside can tell which was stored first, and either order is right.
 */
function inversions(histories: Map<Place, unknown>, all: Entry[]): { outOfOrder: string[]; known: number } {
  const outOfOrder = new Set<string>();
  let neighbours = 0;
  let known = 0;
  for (const place of histories.keys()) {
    const answered = all.filter((entry) => entry.place === place && entry.answers.length > 0);
    answered.sort((one, other) => one.answers[0]!.position - other.answers[0]!.position);
    answered.forEach((entry, index) => {
      if (entry.answers.some(({ n }, at) => at > 0 && n < entry.answers[at - 1]!.n)) outOfOrder.add(entry.id);
      const next = answered[index + 1];
      if (next === undefined) return;
      neighbours += 1;
      if (entry.acknowledgedAt <= next.postedAt || next.acknowledgedAt <= entry.postedAt) known += 1;
    });
    for (const first of answered) {
      for (const second of answered) {
        if (first === second || first.acknowledgedAt > second.postedAt) continue;
        if (first.answers.at(-1)!.position > second.answers[0]!.position) outOfOrder.add(second.id);
      }
    }
  }
  return { outOfOrder: [...outOfOrder], known: neighbours === 0 ? 1 : known / neighbours };
}

function causeOf({ deliveries }: Entry): string {
  const last = deliveries.reduce<Delivery | undefined>((latest, one) => (latest && latest.at > one.at ? latest : one), undefined);
  if (last === undefined) return "never posted";
  switch (last.outcome) {
    case "failed":
      return "no connection, or it broke: the runtime was down";
    case "timeout":
      return "no answer within 2 s";
    default:
      return `answered ${last.status}`;
  }
}
