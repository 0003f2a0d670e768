/** A menu at a button: opens below or above it, closes with Escape, a choice, or a click elsewhere. */

import { arrowKeys, el } from "./dom.ts";
import type { IconName } from "./icons.ts";
import { icon } from "./icons.ts";

export interface MenuItem {
  label: string;
  icon?: IconName;
  /** Shown in place of the label, which is then only said. */
  symbol?: string;
  tone?: "bad";
  run: () => void;
}

const GAP = 6;

export function openMenu(anchor: HTMLElement, label: string, items: MenuItem[]): void {
  const menu = el("div", {
    class: items[0]?.symbol ? "menu symbols" : "menu",
    role: "menu",
    "aria-label": label,
    popover: "auto",
  });
  const row = items[0]?.symbol !== undefined;
  for (const item of items) {
    const button = el(
      "button",
      { type: "button", role: "menuitem", tabindex: -1, class: item.tone, "aria-label": item.symbol && item.label },
      item.icon && icon(item.icon),
      item.symbol ?? item.label,
    );
    button.addEventListener("click", () => {
      menu.hidePopover();
      item.run();
    });
    menu.append(button);
  }
  arrowKeys(menu, "button");
  menu.addEventListener("keydown", (event) => {
    if (event.key === "Tab") menu.hidePopover();
    const step = row ? { ArrowRight: 1, ArrowLeft: -1 }[event.key] : undefined;
    if (step === undefined) return;
    const buttons = [...menu.querySelectorAll<HTMLElement>("button")];
    buttons.at((buttons.indexOf(document.activeElement as HTMLElement) + step) % buttons.length)?.focus();
  });
  menu.addEventListener("toggle", (event) => {
    if (event.newState === "open") return;
    anchor.setAttribute("aria-expanded", "false");
    if (menu.contains(document.activeElement)) anchor.focus();
    menu.remove();
  });
  // A popover inside a modal dialog has to be a part of it.
  (anchor.closest("dialog") ?? document.body).append(menu);
  menu.showPopover();
  anchor.setAttribute("aria-expanded", "true");
  place(menu, anchor);
  menu.querySelector<HTMLElement>("button")?.focus();
}

function place(menu: HTMLElement, anchor: HTMLElement): void {
  const at = anchor.getBoundingClientRect();
  const { offsetWidth: width, offsetHeight: height } = menu;
  const below = at.bottom + GAP + height <= innerHeight;
  const top = below ? at.bottom + GAP : Math.max(GAP, at.top - GAP - height);
  const left = at.left + width <= innerWidth - GAP ? at.left : at.right - width;
  menu.style.top = `${top}px`;
  menu.style.left = `${Math.max(GAP, Math.min(left, innerWidth - width - GAP))}px`;
}
