/** Mentions: CometChat's `<@uid:UID>` in a message, `@Name` while it is being written. */

import type { Chat } from "./store.ts";
import { store } from "./store.ts";
import { nameOf, parts } from "./words.ts";

const MAX_OFFERED = 6;

export interface Candidate {
  uid: string;
  name: string;
}

/** Who can be mentioned in a chat. Bots first: without a mention a bot in a group may keep quiet. */
export function candidates({ receiverType, receiver }: Chat): Candidate[] {
  const uids =
    receiverType === "user"
      ? [receiver]
      : (store.group(receiver)?.members ?? []).map(({ uid }) => uid).filter((uid) => uid !== store.me);
  const all = uids.map((uid) => ({ uid, name: nameOf(uid) }));
  return all.sort((one, other) => Number(store.isBot(other.uid)) - Number(store.isBot(one.uid)));
}

/** What follows an `@` that is being typed just before the caret. */
export function typedMention(text: string, caret: number): { from: number; word: string } | undefined {
  const match = /(?:^|[\s(])@([^\s@]{0,40}(?: [^\s@]{0,40})?)$/.exec(text.slice(0, caret));
  return match ? { from: caret - match[1]!.length - 1, word: match[1]! } : undefined;
}

export function offered(chat: Chat, word: string): Candidate[] {
  const wanted = word.toLowerCase();
  const fits = ({ uid, name }: Candidate) =>
    uid.startsWith(wanted) || name.toLowerCase().startsWith(wanted) || name.toLowerCase().includes(` ${wanted}`);
  return candidates(chat).filter(fits).slice(0, MAX_OFFERED);
}

/** What is written for somebody: the name, or the UID where the name belongs to more than one. */
export function written({ uid, name }: Candidate, chat: Chat): string {
  const namesakes = candidates(chat).filter((other) => other.name === name);
  return `@${namesakes.length > 1 ? uid : name}`;
}

/** `@Name` and `@uid` of those in the chat become mentions. */
export function toWire(text: string, chat: Chat): string {
  const known = new Map<string, string>();
  for (const { uid, name } of candidates(chat).reverse()) known.set(name.toLowerCase(), uid).set(uid, uid);
  if (known.size === 0 || !text.includes("@")) return text;
  const names = [...known.keys()].sort((one, other) => other.length - one.length).map(escaped);
  const pattern = new RegExp(`(?<![\\p{L}\\p{N}<])@(${names.join("|")})(?![\\p{L}\\p{N}_-])`, "giu");
  return text.replace(pattern, (_, name: string) => `<@uid:${known.get(name.toLowerCase())}>`);
}

/** UIDs that a text in wire form mentions. */
export function mentioned(wire: string): string[] {
  return parts(wire).flatMap((part) => (typeof part === "string" ? [] : [part.mention]));
}

function escaped(text: string): string {
  return text.replace(/[\\^$.*+?()[\]{}|/]/g, "\\$&");
}
