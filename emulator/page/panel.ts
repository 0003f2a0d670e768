/** The panel on the right: a column on wide screens, a sheet over the page on narrow ones. One thing at a time is in it. */

import { byId, put } from "./dom.ts";

export interface PanelContent {
  title: string;
  subtitle?: string;
  body: HTMLElement;
  /** Called once when something else takes its place, or the panel is closed. */
  closed: () => void;
}

const narrow = matchMedia("(max-width: 1099px)");

let content: PanelContent | undefined;
let opener: Element | null = null;

export function openPanel(next: PanelContent): void {
  const panel = byId("panel");
  if (!panel.contains(document.activeElement)) opener = document.activeElement;
  content?.closed();
  content = next;
  put(byId("panel-title"), next.title);
  put(byId("panel-subtitle"), next.subtitle ?? "");
  put(byId("panel-body"), next.body);
  panel.hidden = false;
  document.body.classList.add("has-panel");
  guard();
  byId("panel-body").scrollTop = 0;
  byId("panel-title").focus({ preventScroll: true });
}

export function closePanel(): void {
  if (!content) return;
  const closing = content;
  content = undefined;
  byId("panel").hidden = true;
  document.body.classList.remove("has-panel");
  guard();
  closing.closed();
  put(byId("panel-body"));
  // What was pressed may have been drawn anew meanwhile.
  const back = opener?.isConnected ? opener : document.querySelector('#chat .message[tabindex="0"]');
  if (back instanceof HTMLElement) back.focus();
}

/** Behind a sheet nothing can be reached. */
function guard(): void {
  const covered = content !== undefined && narrow.matches;
  for (const id of ["side", "chat"]) byId(id).inert = covered;
}

export function initPanel(): void {
  narrow.addEventListener("change", guard);
  byId("panel-close").addEventListener("click", closePanel);
  byId("scrim").addEventListener("click", closePanel);
  document.addEventListener("keydown", (event) => {
    const isElsewhere = document.querySelector("dialog[open], .menu") !== null;
    if (event.key === "Escape" && !event.defaultPrevented && !isElsewhere) closePanel();
  });
}
