/** Faces: a picture, or initials on a colour that belongs to the id. */

import { el } from "./dom.ts";
import { icon } from "./icons.ts";
import type { Chat } from "./store.ts";
import { store } from "./store.ts";
import { nameOf, titleOf } from "./words.ts";

const HUES = 8;

export function avatar(uid: string): HTMLElement {
  const user = store.user(uid);
  const isBot = store.isBot(uid);
  return face(uid, nameOf(uid), user?.avatar, isBot ? icon("bot") : undefined);
}

export function chatAvatar(chat: Chat): HTMLElement {
  if (chat.receiverType === "user") return avatar(chat.receiver);
  return face(chat.receiver, titleOf(chat), store.group(chat.receiver)?.group.icon, icon("group"));
}

function face(id: string, name: string, picture: string | undefined, symbol: Element | undefined): HTMLElement {
  const element = el(
    "span",
    { class: `avatar hue-${hash(id) % HUES}`, "aria-hidden": "true" },
    symbol ?? initials(name),
  );
  if (picture && /^https?:/i.test(picture)) {
    const image = el("img", { alt: "", src: picture, loading: "lazy" });
    image.addEventListener("error", () => image.remove());
    element.append(image);
  }
  return element;
}

export function botBadge(): HTMLElement {
  return el("span", { class: "badge" }, "Bot");
}

function initials(name: string): string {
  const words = name.trim().split(/\s+/);
  const letters = [words[0], words.length > 1 ? words.at(-1) : undefined].map((word) => [...(word ?? "")][0] ?? "");
  return letters.join("").toUpperCase() || "?";
}

function hash(text: string): number {
  let value = 0;
  for (const character of text) value = (value * 31 + character.codePointAt(0)!) >>> 0;
  return value;
}
