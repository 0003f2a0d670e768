/** How people, times and messages are put into words. */

import type { Message } from "../api.ts";
import type { Chat } from "./store.ts";
import { store } from "./store.ts";

const time = new Intl.DateTimeFormat(undefined, { hour: "2-digit", minute: "2-digit" });
const weekday = new Intl.DateTimeFormat(undefined, { weekday: "long" });
const date = new Intl.DateTimeFormat(undefined, { day: "numeric", month: "long", year: "numeric" });
const shortDate = new Intl.DateTimeFormat(undefined, { day: "numeric", month: "short" });
const exact = new Intl.DateTimeFormat(undefined, { dateStyle: "medium", timeStyle: "medium" });

export function nameOf(uid: string): string {
  return store.user(uid)?.name ?? (uid === "app_system" ? "System" : uid);
}

/** The name at the top of a chat. */
export function titleOf({ receiverType, receiver }: Chat): string {
  return receiverType === "group" ? (store.group(receiver)?.group.name ?? receiver) : nameOf(receiver);
}

export function clockTime(seconds: number): string {
  return time.format(seconds * 1000);
}

export function exactTime(seconds: number): string {
  return exact.format(seconds * 1000);
}

export function dayKey(seconds: number): string {
  return new Date(seconds * 1000).toDateString();
}

export function dayName(seconds: number): string {
  const days = daysAgo(seconds);
  if (days === 0) return "Today";
  if (days === 1) return "Yesterday";
  return days < 7 ? weekday.format(seconds * 1000) : date.format(seconds * 1000);
}

/** For a narrow place: the time of today's, the day of older ones. */
export function shortTime(seconds: number): string {
  const days = daysAgo(seconds);
  if (days === 0) return clockTime(seconds);
  return days === 1 ? "Yesterday" : shortDate.format(seconds * 1000);
}

function daysAgo(seconds: number): number {
  const midnight = (at: Date) => new Date(at.getFullYear(), at.getMonth(), at.getDate()).getTime();
  return Math.round((midnight(new Date()) - midnight(new Date(seconds * 1000))) / 86_400_000);
}

export function duration(ms: number): string {
  return ms < 1000 ? `${Math.round(ms)} ms` : `${(ms / 1000).toFixed(ms < 10_000 ? 1 : 0)} s`;
}

export function count(number: number, one: string, many = `${one}s`): string {
  return `${number.toLocaleString("en")} ${number === 1 ? one : many}`;
}

/** Mentions as `<@uid:UID>`, and what stands between them. */
const MENTION = /<@uid:([^\s<>]{1,100})>/g;

/** A text in parts: plain, or the UID of somebody mentioned. */
export function parts(text: string): (string | { mention: string })[] {
  const found: (string | { mention: string })[] = [];
  let end = 0;
  for (const match of text.matchAll(MENTION)) {
    if (match.index > end) found.push(text.slice(end, match.index));
    found.push({ mention: match[1]!.toLowerCase() });
    end = match.index + match[0].length;
  }
  if (end < text.length) found.push(text.slice(end));
  return found;
}

/** A text with names in place of mentions. */
export function plainText(text: string): string {
  return parts(text)
    .map((part) => (typeof part === "string" ? part : `@${nameOf(part.mention)}`))
    .join("");
}

/** A message in one line. */
export function preview(message: Message): string {
  const { category, type, data } = message;
  if (message.deletedAt !== undefined) return "Message deleted";
  if (category === "action") return actionText(message);
  if (typeof data.text === "string" && data.text !== "") return plainText(data.text);
  if (category === "message") {
    const name = data.attachments?.[0]?.name;
    const kind = { image: "Picture", file: "File", audio: "Audio", video: "Video" }[type] ?? type;
    return name ? `${kind}: ${name}` : kind;
  }
  if (category === "custom") return `Custom message: ${type}`;
  if (category === "interactive") return `Interactive message: ${type}`;
  return `${category}: ${type}`;
}

/** What an action message says. */
export function actionText({ data, sender }: Message): string {
  const by = nameInEntity(data.entities?.by) ?? nameOf(sender);
  const on = nameInEntity(data.entities?.on);
  switch (data.action) {
    case "edited":
      return `${by} edited a message`;
    case "deleted":
      return `${by} deleted a message`;
    case "added":
      return `${by} added ${on ?? "someone"}`;
    case "joined":
      return `${on ?? by} joined`;
    case "left":
      return `${on ?? by} left`;
    case "kicked":
    case "banned":
    case "unbanned":
      return `${by} ${data.action} ${on ?? "someone"}`;
    case "scopeChanged":
      return `${by} changed what ${on ?? "someone"} may do`;
    default:
      return `${by}: ${data.action ?? "action"}`;
  }
}

function nameInEntity(entity: { entity: { [key: string]: unknown } } | undefined): string | undefined {
  const name = entity?.entity["name"];
  return typeof name === "string" ? name : undefined;
}
