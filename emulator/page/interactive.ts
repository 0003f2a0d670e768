/** Cards and forms (https://www.cometchat.com/docs/sdk/javascript/interactive-messages), usable as in a client. */

import type { JsonObject, Message } from "../api.ts";
import { api } from "./api.ts";
import { el, put } from "./dom.ts";
import { store } from "./store.ts";
import { isHttp, textContent } from "./text.ts";

const stop = { "data-stop": true, tabindex: -1 };

export function interactive(message: Message): HTMLElement {
  const content = asObject(message.data["interactiveData"]);
  const outcome = el("p", { class: "outcome", role: "status" });
  const form = el("form", { class: "interactive" });
  const use = async (element: JsonObject) => {
    put(outcome, "Sending …");
    put(outcome, await useElement(message, text(element["elementId"]), valuesOf(form)));
  };
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    void use(asObject(content["submitElement"]));
  });
  const { imageUrl } = content;
  put(
    form,
    isHttp(imageUrl) && el("img", { class: "card-image", alt: "", src: imageUrl, loading: "lazy" }),
    text(content["title"]) !== "" && el("h3", {}, text(content["title"])),
    text(content["text"]) !== "" && textContent(text(content["text"])),
    ...list(content["formFields"]).map(field),
    ...list(content["cardActions"]).map((element) =>
      el(
        "button",
        { class: "button", type: "button", onclick: () => void use(element), ...stop },
        text(element["buttonText"]) || "Go",
      ),
    ),
    content["submitElement"] !== undefined &&
      el(
        "button",
        { class: "button primary", type: "submit", ...stop },
        text(asObject(content["submitElement"])["buttonText"]) || "Submit",
      ),
    outcome,
  );
  return form;
}

async function useElement(message: Message, elementId: string, values: JsonObject): Promise<string> {
  try {
    const { open, call } = await api.interact(message.id, { person: store.me, elementId, values });
    if (isHttp(open)) window.open(open, "_blank", "noopener");
    if (call?.problem) return call.problem;
    return call?.status === undefined ? "Done." : `Its address answered ${call.status}.`;
  } catch (error) {
    return (error as Error).message;
  }
}

function field(element: JsonObject): HTMLElement {
  const name = text(element["elementId"]);
  const label = text(element["label"]) || text(element["text"]);
  const options = list(element["options"]);
  switch (text(element["elementType"])) {
    case "label":
      return el("p", {}, label);
    case "dropdown":
      return el("label", {}, label, el("select", { name, ...stop }, ...options.map(option)));
    case "checkbox":
    case "radio":
    case "singleSelect": {
      const type = element["elementType"] === "checkbox" ? "checkbox" : "radio";
      const choices = options.map((one) =>
        el(
          "label",
          { class: "choice" },
          el("input", { type, name, value: text(one["value"]), ...stop }),
          text(one["label"]),
        ),
      );
      return el("fieldset", {}, el("legend", {}, label), ...choices);
    }
    case "textInput":
      return el(
        "label",
        {},
        label,
        el("input", { name, placeholder: asObject(element["placeholder"])["text"] ?? false, ...stop }),
      );
    default:
      return el(
        "p",
        { class: "gone" },
        `${label || "Element"} (${text(element["elementType"]) || "of an unknown kind"})`,
      );
  }
}

function option(one: JsonObject): HTMLOptionElement {
  return el("option", { value: text(one["value"]) }, text(one["label"]));
}

/** A name that occurs more than once is a list. */
function valuesOf(form: HTMLFormElement): JsonObject {
  const values: JsonObject = {};
  const data = new FormData(form);
  for (const name of new Set(data.keys())) {
    const all = data.getAll(name).map(String);
    const isList = form.querySelector(`input[type=checkbox][name="${CSS.escape(name)}"]`) !== null;
    values[name] = isList ? all : (all[0] ?? "");
  }
  return values;
}

function list(value: unknown): JsonObject[] {
  return Array.isArray(value) ? value.map(asObject) : [];
}

function text(value: unknown): string {
  return typeof value === "string" || typeof value === "number" ? String(value) : "";
}

function asObject(value: unknown): JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value) ? (value as JsonObject) : {};
}
