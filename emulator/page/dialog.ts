/** A form in a modal dialog: the browser keeps the focus in it, and Escape closes it. */

import { el, put } from "./dom.ts";
import { icon } from "./icons.ts";

export interface Field {
  name: string;
  label: string;
  kind?: "text" | "url" | "textarea" | "file" | "choices" | "radio";
  value?: string;
  placeholder?: string;
  hint?: string;
  optional?: boolean;
  /** Of `choices` and `radio`. */
  options?: { value: string; label: string; hint?: string; checked?: boolean }[];
  accept?: string;
}

export interface FormOptions {
  title: string;
  intro?: string;
  fields: Field[];
  action: string;
  /** Closes the dialog when it is done; what it throws is shown. */
  submit: (values: FormData) => Promise<void>;
  /** Called on every change, with the form. */
  changed?: (form: HTMLFormElement, event: Event) => void;
}

let serial = 0;

export function openForm({ title, intro, fields, action, submit, changed }: FormOptions): void {
  const dialog = newDialog(title);
  const problem = el("p", { class: "problem", role: "alert" });
  const button = el("button", { class: "button primary", type: "submit" }, action);
  const form = el(
    "form",
    {},
    intro && el("p", { class: "intro" }, intro),
    ...fields.map(control),
    problem,
    el(
      "div",
      { class: "buttons" },
      el("button", { class: "button", type: "button", onclick: () => dialog.close() }, "Cancel"),
      button,
    ),
  );
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    button.disabled = true;
    put(problem);
    try {
      await submit(new FormData(form));
      dialog.close();
    } catch (error) {
      put(problem, icon("alert"), (error as Error).message);
    } finally {
      button.disabled = false;
    }
  });
  if (changed) form.addEventListener("input", (event) => changed(form, event));
  dialog.append(form);
  dialog.showModal();
  form.querySelector<HTMLElement>("input, textarea")?.focus();
}

/** An empty dialog with a heading and a close button, gone once it is closed. */
export function newDialog(title: string): HTMLDialogElement {
  serial += 1;
  const heading = el("h2", { id: `dialog-${serial}` }, title);
  const close = el("button", { class: "icon-button", type: "button", "aria-label": "Close" }, icon("close"));
  const dialog = el("dialog", { class: "dialog", "aria-labelledby": heading.id }, el("header", {}, heading, close));
  close.addEventListener("click", () => dialog.close());
  dialog.addEventListener("click", (event) => event.target === dialog && dialog.close());
  dialog.addEventListener("close", () => dialog.remove());
  document.body.append(dialog);
  return dialog;
}

function control(field: Field): HTMLElement {
  const { name, label, kind = "text", value = "", placeholder, hint, optional = false, accept } = field;
  if (kind === "choices" || kind === "radio") return choices(field, kind);
  serial += 1;
  const hintId = hint ? `hint-${serial}` : undefined;
  const common = { name, placeholder, required: !optional, "aria-describedby": hintId, autocomplete: "off" };
  const input =
    kind === "textarea"
      ? el("textarea", { ...common, rows: 7, spellcheck: "false" })
      : el("input", { ...common, type: kind, accept });
  if (kind !== "file") input.value = value;
  return el(
    "div",
    { class: "field" },
    el("label", {}, el("span", { class: "label" }, label, optional && el("small", {}, " optional")), input),
    hint && el("small", { class: "hint", id: hintId }, hint),
  );
}

function choices({ name, label, options = [] }: Field, kind: "choices" | "radio"): HTMLElement {
  const boxes = options.map(({ value, label: text, hint, checked }) =>
    el(
      "label",
      { class: "choice" },
      el("input", { type: kind === "radio" ? "radio" : "checkbox", name, value, checked }),
      el("span", {}, text, hint && el("small", {}, hint)),
    ),
  );
  return el(
    "fieldset",
    { class: "field" },
    el("legend", { class: "label" }, label),
    el("div", { class: "choices" }, ...boxes),
  );
}
