/** Text as people write it: with mentions and addresses. */

import { el, put } from "./dom.ts";
import { store } from "./store.ts";
import { nameOf, parts } from "./words.ts";

/** Characters that are shown of a text before it is asked for. */
const MAX_TEXT = 4000;

export function textContent(text: string): HTMLElement {
  const paragraph = el("p", { class: "text", dir: "auto" });
  const isLong = text.length > MAX_TEXT;
  put(paragraph, ...inline(isLong ? text.slice(0, MAX_TEXT) : text));
  if (!isLong) return paragraph;
  const more = el("button", { class: "link", type: "button", "data-stop": true, tabindex: -1 }, "Show all of it");
  more.addEventListener("click", () => put(paragraph, ...inline(text)));
  paragraph.append("… ", more);
  return paragraph;
}

/** Mentions as names, addresses as links, everything else as it is. */
function inline(text: string): (Node | string)[] {
  return parts(text).flatMap((part) => {
    if (typeof part === "string") return linked(part);
    const isMe = part.mention === store.me;
    return [el("span", { class: isMe ? "mention me" : "mention", title: part.mention }, `@${nameOf(part.mention)}`)];
  });
}

function linked(text: string): (Node | string)[] {
  const found: (Node | string)[] = [];
  let end = 0;
  for (const match of text.matchAll(/https?:\/\/[^\s<>"']+[^\s<>"'.,;:!?)\]]/gi)) {
    found.push(text.slice(end, match.index), outwardLink(match[0], match[0]));
    end = match.index + match[0].length;
  }
  return [...found, text.slice(end)];
}

/** A link to anywhere else: the site behind it learns nothing of this page. */
export function outwardLink(url: string, ...children: (Node | string)[]): HTMLAnchorElement {
  return el(
    "a",
    { href: url, target: "_blank", rel: "noopener noreferrer", "data-stop": true, tabindex: -1 },
    ...children,
  );
}

export function isHttp(url: unknown): url is string {
  return typeof url === "string" && /^https?:\/\//i.test(url) && URL.canParse(url);
}
