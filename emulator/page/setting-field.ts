/** One switch or fault of the panel. */

import type { SettingDescriptor, SettingValue } from "../api.ts";
import { el, put } from "./dom.ts";
import { icon } from "./icons.ts";

/** How well something is known of CometChat; see docs/emulator.md. */
export const GRADES: Record<string, string> = {
  D: "Stated by CometChat's current documents",
  "D-old": "Stated by older documents; the current ones are silent or differ",
  SDK: "Read out of CometChat's published client code",
  OBS: "Observed by others against the live service; not a promise",
  INF: "Inferred; stated nowhere",
  U: "Looked for and not found",
};

let serial = 0;

export class SettingField {
  readonly element: HTMLElement;
  readonly descriptor: SettingDescriptor;
  isChanged = false;
  readonly #change: (value: SettingValue) => Promise<string | undefined>;
  readonly #control: HTMLInputElement | HTMLSelectElement;
  readonly #problem = el("small", { class: "problem", role: "alert" });
  readonly #usual = el("p", { class: "usual" });

  constructor(descriptor: SettingDescriptor, change: (value: SettingValue) => Promise<string | undefined>) {
    this.descriptor = descriptor;
    this.#change = change;
    serial += 1;
    const describedBy = `setting-${serial}`;
    this.#control = control(descriptor);
    this.#control.setAttribute("aria-describedby", describedBy);
    this.#control.addEventListener("change", () => void this.#changed());
    this.element = el(
      "div",
      { class: `setting ${descriptor.type}` },
      el(
        "label",
        {},
        el("span", { class: "label" }, descriptor.title),
        this.#control,
        descriptor.unit !== undefined && el("span", { class: "unit" }, descriptor.unit),
      ),
      el("p", { id: describedBy }, descriptor.description),
      el("p", { class: "known" }, ...graded(descriptor.whatIsKnown)),
      this.#usual,
      this.#problem,
    );
  }

  matches(wanted: string): boolean {
    const { name, title, description } = this.descriptor;
    return `${name} ${title} ${description}`.toLowerCase().includes(wanted);
  }

  show(value: SettingValue): void {
    const { default: usual, name } = this.descriptor;
    const wasChanged = this.isChanged;
    this.isChanged = value !== usual;
    this.element.classList.toggle("changed", this.isChanged);
    if (this.#control instanceof HTMLInputElement && this.#control.type === "checkbox")
      this.#control.checked = value === true;
    else if (document.activeElement !== this.#control || this.#control instanceof HTMLSelectElement)
      this.#control.value = String(value);
    if (wasChanged === this.isChanged && this.#usual.childElementCount > 0) return;
    const reset = el(
      "button",
      { class: "link", type: "button", "aria-label": `Reset ${this.descriptor.title}` },
      "Reset",
    );
    reset.addEventListener("click", async () => {
      this.#problemIs(await this.#change(usual));
      this.#control.focus();
    });
    put(this.#usual, el("code", {}, name), el("span", {}, `Default: ${shown(usual)}`), this.isChanged && reset);
  }

  async #changed(): Promise<void> {
    this.#problemIs(await this.#change(this.#value()));
  }

  #value(): SettingValue {
    const { type } = this.descriptor;
    if (this.#control instanceof HTMLInputElement && type === "boolean") return this.#control.checked;
    if (type === "number" || type === "probability") return Number(this.#control.value);
    return this.#control.value.trim();
  }

  #problemIs(sentence: string | undefined): void {
    put(this.#problem, sentence !== undefined && icon("alert"), sentence);
    this.#control.setAttribute("aria-invalid", String(sentence !== undefined));
  }
}

function control({ type, choices, minimum, maximum }: SettingDescriptor): HTMLInputElement | HTMLSelectElement {
  if (type === "choice")
    return el("select", {}, ...(choices ?? []).map((choice) => el("option", { value: choice }, choice)));
  if (type === "boolean") return el("input", { type: "checkbox", role: "switch" });
  if (type === "probability") return el("input", { type: "number", min: 0, max: 1, step: 0.05, inputmode: "decimal" });
  if (type === "number")
    return el("input", { type: "number", min: minimum, max: maximum, step: "any", inputmode: "decimal" });
  return el("input", { type: "text", autocomplete: "off", spellcheck: "false" });
}

/** The grades in square brackets as what they mean. */
function graded(text: string): (Node | string)[] {
  return text.split(/(\[[A-Za-z-]+\])/).map((part) => {
    const grade = part.slice(1, -1);
    const meaning = part.startsWith("[") ? GRADES[grade] : undefined;
    return meaning ? el("abbr", { title: meaning }, grade) : part;
  });
}

function shown(value: SettingValue): string {
  return value === true ? "on" : value === false ? "off" : String(value);
}
