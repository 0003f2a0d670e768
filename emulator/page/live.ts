/** What is said to those who do not see the screen, and short notes for those who do. */

import { byId, el } from "./dom.ts";
import { icon } from "./icons.ts";

const NOTE_MS = 6000;

/** Has a screen reader say something. */
export function say(text: string): void {
  const region = byId("live");
  // The same text again is only noticed as a new element.
  region.replaceChildren(el("p", {}, text));
}

/** Shows a note for a few seconds. */
export function note(text: string, tone: "ok" | "bad" = "ok"): void {
  const element = el("div", { class: `note ${tone}` }, icon(tone === "ok" ? "check" : "alert"), el("span", {}, text));
  byId("notes").replaceChildren(element);
  say(text);
  setTimeout(() => element.remove(), NOTE_MS);
}
