/** JSON that can be read, folded and copied. */

import { el } from "./dom.ts";
import { icon } from "./icons.ts";
import { say } from "./live.ts";

/** Entries of one object or array that are drawn at once. */
const MAX_ENTRIES = 100;

const MAX_STRING = 2000;

/** A value as a tree, open down to `depth`. What is folded is not drawn before it is opened. */
export function jsonView(value: unknown, depth = 2): HTMLElement {
  return el("div", { class: "json" }, node(undefined, value, depth));
}

export function copyButton(value: () => unknown, what: string): HTMLButtonElement {
  const label = el("span", {}, "Copy");
  const button = el(
    "button",
    { class: "button small", type: "button", "aria-label": `Copy ${what}` },
    icon("copy"),
    label,
  );
  button.addEventListener("click", async () => {
    const content = value();
    const text = typeof content === "string" ? content : JSON.stringify(content, undefined, 2);
    try {
      await navigator.clipboard.writeText(text);
      label.textContent = "Copied";
      say(`${what} copied`);
    } catch {
      label.textContent = "Not allowed";
      say("The browser does not allow copying here.");
    }
    setTimeout(() => (label.textContent = "Copy"), 1500);
  });
  return button;
}

function node(key: string | undefined, value: unknown, depth: number): HTMLElement {
  if (typeof value !== "object" || value === null) return el("div", { class: "leaf" }, ...keyed(key), leaf(value));
  const isArray = Array.isArray(value);
  const entries = Object.entries(value);
  const [open, close] = isArray ? ["[", "]"] : ["{", "}"];
  if (entries.length === 0) return el("div", { class: "leaf" }, ...keyed(key), `${open}${close}`);
  const size = `${entries.length} ${isArray ? (entries.length === 1 ? "item" : "items") : entries.length === 1 ? "key" : "keys"}`;
  const details = el(
    "details",
    {},
    el("summary", {}, ...keyed(key), open, el("span", { class: "size" }, ` ${size} `), close),
  );
  const fill = () => {
    if (details.querySelector(":scope > .children")) return;
    details.append(children(entries, isArray, depth - 1));
  };
  if (depth > 0) {
    details.open = true;
    fill();
  }
  details.addEventListener("toggle", fill);
  return details;
}

function children(entries: [string, unknown][], isArray: boolean, depth: number): HTMLElement {
  const element = el("div", { class: "children" });
  let shown = 0;
  const more = el("button", { class: "link", type: "button", onclick: () => showMore() });
  const showMore = () => {
    const next = entries.slice(shown, shown + MAX_ENTRIES);
    shown += next.length;
    more.remove();
    element.append(...next.map(([key, value]) => node(isArray ? undefined : key, value, depth)));
    if (shown >= entries.length) return;
    more.textContent = `${entries.length - shown} more`;
    element.append(more);
  };
  showMore();
  return element;
}

function keyed(key: string | undefined): (Node | string)[] {
  return key === undefined ? [] : [el("span", { class: "key" }, key), ": "];
}

function leaf(value: unknown): HTMLElement {
  if (typeof value !== "string") return el("span", { class: "literal" }, String(value));
  const quoted = JSON.stringify(value);
  if (quoted.length <= MAX_STRING) return el("span", { class: "string" }, quoted);
  const span = el("span", { class: "string" }, `${quoted.slice(0, MAX_STRING)}…`);
  const more = el("button", { class: "link", type: "button" }, "Show all of it");
  more.addEventListener("click", () => (span.textContent = quoted));
  span.append(" ", more);
  return span;
}
