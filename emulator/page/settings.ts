/** The panel for switches and faults, drawn from what the emulator says of each. */

import type { SettingDescriptor, Settings, SettingsChange, SettingValue } from "../api.ts";
import { api } from "./api.ts";
import { openForm } from "./dialog.ts";
import { byId, el, put } from "./dom.ts";
import { icon } from "./icons.ts";
import { note } from "./live.ts";
import { openPanel } from "./panel.ts";
import { GRADES, SettingField } from "./setting-field.ts";
import { store } from "./store.ts";
import { count } from "./words.ts";

const SECTIONS: Record<SettingDescriptor["section"], [title: string, intro: string]> = {
  "callback faults": ["Callback faults", "What goes wrong on the way to a bot: each with a probability from 0 to 1."],
  "REST faults": ["REST faults", "What goes wrong when a bot answers. People's own messages are spared."],
  callbacks: ["Callbacks", "How messages get to a bot. What CometChat leaves open is a switch."],
  messages: ["Messages", "What may be sent."],
  rest: ["REST API", "How calls are answered."],
  webhooks: ["Webhooks", "App-wide events."],
};

export function changedNames({ descriptors, values }: Settings): string[] {
  return descriptors.filter(({ name, default: usual }) => values[name] !== usual).map(({ name }) => name);
}

export function openSettings(): void {
  const settings = store.state?.settings;
  if (!settings) return;
  const fields = settings.descriptors.map(
    (descriptor) => new SettingField(descriptor, (value) => change({ values: { [descriptor.name]: value } })),
  );
  const onlyChanged = el("input", { type: "checkbox" });
  const search = el("input", {
    type: "search",
    placeholder: "Find a switch or fault",
    "aria-label": "Find a switch or fault",
    autocomplete: "off",
  });
  const none = el("p", { class: "quiet", role: "status" });
  const bar = el("div", { class: "changed-bar" });
  const limits = new Limits();
  const sections = (Object.keys(SECTIONS) as SettingDescriptor["section"][]).map((section) => {
    const [title, intro] = SECTIONS[section];
    const own = fields.filter(({ descriptor }) => descriptor.section === section);
    return {
      element: el(
        "section",
        {},
        el("h3", {}, title),
        el("p", { class: "quiet" }, intro),
        ...own.map(({ element }) => element),
      ),
      own,
    };
  });

  const narrow = () => {
    const wanted = search.value.trim().toLowerCase();
    for (const field of fields)
      field.element.hidden = !field.matches(wanted) || (onlyChanged.checked && !field.isChanged);
    for (const { element, own } of sections) element.hidden = own.every((field) => field.element.hidden);
    limits.element.hidden = wanted !== "" || onlyChanged.checked;
    put(
      none,
      fields.every(({ element }) => element.hidden) &&
        (onlyChanged.checked ? "Everything is at its default." : "Nothing is called that."),
    );
  };
  const draw = (now: Settings) => {
    for (const field of fields) field.show(now.values[field.descriptor.name]!);
    limits.show(now);
    const changed = changedNames(now);
    const reset = el(
      "button",
      { class: "button small", type: "button", disabled: changed.length === 0 },
      icon("repeat"),
      "Reset all",
    );
    reset.addEventListener("click", () => void change({ values: defaults(now, changed) }));
    put(
      bar,
      el(
        "span",
        {},
        changed.length === 0 ? "Everything is at its default." : `${count(changed.length, "setting")} changed`,
      ),
      reset,
    );
    narrow();
  };
  search.addEventListener("input", narrow);
  onlyChanged.addEventListener("change", narrow);
  const stop = store.on("settings", draw);
  openPanel({
    title: "Switches and faults",
    subtitle: "They hold from the next request on.",
    body: el(
      "div",
      { class: "settings" },
      el("div", { class: "finder" }, search, el("label", { class: "choice" }, onlyChanged, "Only changed"), bar),
      none,
      ...sections.map(({ element }) => element),
      limits.element,
      legend(),
    ),
    closed: stop,
  });
  draw(settings);
}

/** Resolves to the sentence of what was wrong, if anything was. */
async function change(settings: SettingsChange): Promise<string | undefined> {
  try {
    await api.changeSettings(settings);
    return undefined;
  } catch (error) {
    return (error as Error).message;
  }
}

function defaults({ descriptors }: Settings, names: string[]): Record<string, SettingValue> {
  const wanted = new Set(names);
  return Object.fromEntries(
    descriptors.filter(({ name }) => wanted.has(name)).map(({ name, default: usual }) => [name, usual]),
  );
}

/** The seed, the rate limits, and the way back to an empty emulator. */
class Limits {
  readonly #seed = number("Seed", "Every fault is drawn from it: the same seed, the same faults.");
  readonly #core = number(
    "Core operations a minute",
    "Creating and deleting users, groups and members. CometChat's own: 10,000.",
  );
  readonly #standard = number("Other operations a minute", "Everything else. CometChat's own: 20,000.");
  readonly element: HTMLElement;

  constructor() {
    const over = el(
      "button",
      { class: "button small", type: "button", onclick: startOver },
      icon("trash"),
      "Forget all messages …",
    );
    this.element = el(
      "section",
      { class: "limits" },
      el("h3", {}, "Runs and limits"),
      this.#seed.element,
      this.#core.element,
      this.#standard.element,
      over,
    );
    this.#seed.changed = (seed) => change({ seed });
    this.#core.changed = (core) => change({ rateLimit: { core } });
    this.#standard.changed = (standard) => change({ rateLimit: { standard } });
  }

  show({ seed, rateLimit }: Settings): void {
    this.#seed.show(seed);
    this.#core.show(rateLimit.core);
    this.#standard.show(rateLimit.standard);
  }
}

function number(label: string, hint: string) {
  const input = el("input", { type: "number", step: 1, min: 0 });
  const problem = el("small", { class: "problem", role: "alert" });
  const field = {
    element: el(
      "div",
      { class: "setting" },
      el("label", {}, el("span", { class: "label" }, label), input),
      el("p", {}, hint),
      problem,
    ),
    changed: async (_: number): Promise<string | undefined> => undefined,
    show: (value: number) => {
      if (document.activeElement !== input) input.value = String(value);
    },
  };
  input.addEventListener("change", async () => {
    const wrong = input.value === "" ? "A number is needed." : await field.changed(input.valueAsNumber);
    put(problem, wrong);
    input.setAttribute("aria-invalid", String(wrong !== undefined));
  });
  return field;
}

function startOver(): void {
  openForm({
    title: "Forget all messages?",
    intro: "People, bots and groups go back to what they were at the start. Switches and faults stay as they are.",
    fields: [],
    action: "Forget them",
    submit: async () => {
      await api.reset();
      note("Everything is back to the start.");
    },
  });
}

function legend(): HTMLElement {
  const rows = Object.entries(GRADES).flatMap(([grade, meaning]) => [el("dt", {}, grade), el("dd", {}, meaning)]);
  return el("details", { class: "section legend" }, el("summary", {}, "What the grades mean"), el("dl", {}, ...rows));
}

/** Shows on the button that opens the panel how much is not as usual. */
export function initSettingsButton(): void {
  const button = byId("open-settings");
  button.addEventListener("click", openSettings);
  store.on("settings", (settings) => {
    const changed = changedNames(settings).length;
    put(byId("changed-count"), changed > 0 && String(changed));
    button.setAttribute("aria-label", changed > 0 ? `Switches and faults, ${changed} changed` : "Switches and faults");
  });
}
