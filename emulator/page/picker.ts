/** Choosing one of many in a dialog: type to narrow, arrow keys and Enter to choose. */

import { newDialog } from "./dialog.ts";
import type { Child } from "./dom.ts";
import { el, put } from "./dom.ts";

/** Options that are drawn; typing narrows them down. */
const MAX_SHOWN = 50;

export interface Option {
  label: string;
  detail: string;
  avatar: () => HTMLElement;
  badge?: (() => HTMLElement) | undefined;
  selected?: boolean;
  run: () => void;
}

export function pick(title: string, options: Option[], ...more: HTMLElement[]): void {
  const dialog = newDialog(title);
  dialog.classList.add("picker");
  const list = el("div", { class: "options", role: "listbox", id: "picker-options", "aria-label": title });
  const rest = el("p", { class: "hint", role: "status" });
  const input = el("input", {
    type: "text",
    role: "combobox",
    placeholder: "Type a name or id",
    autocomplete: "off",
    "aria-label": `${title}: type a name or id`,
    "aria-controls": list.id,
    "aria-expanded": "true",
    "aria-autocomplete": "list",
  });
  let shown: Option[] = [];
  let active = 0;

  const choose = (option: Option | undefined) => {
    if (!option) return;
    dialog.close();
    option.run();
  };
  const mark = (index: number) => {
    active = Math.max(0, Math.min(shown.length - 1, index));
    for (const [at, row] of [...list.children].entries()) {
      row.classList.toggle("active", at === active);
      if (at === active) row.scrollIntoView({ block: "nearest" });
    }
    if (shown.length > 0) input.setAttribute("aria-activedescendant", `option-${active}`);
    else input.removeAttribute("aria-activedescendant");
  };
  const narrow = () => {
    const wanted = input.value.trim().toLowerCase();
    const fitting = options.filter(({ label, detail }) => `${label} ${detail}`.toLowerCase().includes(wanted));
    shown = fitting.slice(0, MAX_SHOWN);
    put(list, ...shown.map((option, at) => row(option, at, () => choose(option))));
    const hidden = fitting.length - shown.length;
    put(
      rest,
      fitting.length === 0
        ? wanted === ""
          ? "Nobody is here yet."
          : "Nobody is called that."
        : hidden > 0
          ? `${hidden.toLocaleString("en")} more: type to narrow them down.`
          : "",
    );
    mark(
      wanted === ""
        ? Math.max(
            0,
            shown.findIndex(({ selected }) => selected),
          )
        : 0,
    );
  };
  input.addEventListener("input", narrow);
  input.addEventListener("keydown", (event) => {
    const step = { ArrowDown: 1, ArrowUp: -1, PageDown: 8, PageUp: -8 }[event.key];
    if (step !== undefined) mark(active + step);
    else if (event.key === "Enter") choose(shown[active]);
    else return;
    event.preventDefault();
  });
  for (const button of more) button.addEventListener("click", () => dialog.close());
  dialog.append(input, list, rest, el("div", { class: "buttons" }, ...more));
  dialog.showModal();
  narrow();
  input.focus();
}

function row({ label, detail, avatar, badge, selected = false }: Option, at: number, choose: () => void): HTMLElement {
  const words: Child[] = [el("span", { class: "line" }, el("strong", {}, label), badge?.()), el("small", {}, detail)];
  return el(
    "div",
    { class: "option", role: "option", id: `option-${at}`, "aria-selected": String(selected), onclick: choose },
    avatar(),
    el("span", { class: "words" }, ...words),
  );
}
