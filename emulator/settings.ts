/** Where switches, faults, rate limits and webhooks stand, and how they are changed: checked as a whole, then applied as a whole. */

import type { SettingDescriptor, Settings, SettingsChange, SettingValue, WebhookTarget } from "./api.ts";
import { FAULTS, REST_FAULTS } from "./faults.ts";
import { SWITCHES } from "./switches.ts";

const DESCRIPTORS: readonly SettingDescriptor[] = [...SWITCHES, ...FAULTS];
const BY_NAME = new Map(DESCRIPTORS.map((descriptor) => [descriptor.name, descriptor]));

type Known = (typeof SWITCHES)[number] | (typeof FAULTS)[number];
type NamesOf<Type extends Known["type"]> = Extract<Known, { type: Type }>["name"];
type Choice<Name extends NamesOf<"choice">> = Extract<Known, { name: Name; type: "choice" }>["choices"][number];

/** What startEmulator, `--config` and `PUT /emulator/settings` may set. */
export type InitialSettings = SettingsChange;

/** CometChat's limits of a minute: core operations and the rest [D] S28. */
const RATE_LIMIT = { core: 10_000, standard: 20_000 };

/** A setting that does not exist or cannot have this value. The message is one sentence for a person. */
export class SettingError extends Error {}

/** The live settings. Reading is cheap; every request reads anew, so a change holds from the next request on. */
export class SettingsStore {
  readonly #initial: SettingsChange;
  #values = new Map<string, SettingValue>();
  #seed = 1;
  #rateLimit = RATE_LIMIT;
  #webhooks: WebhookTarget[] = [];

  /** @throws SettingError */
  constructor(initial: InitialSettings) {
    this.#initial = structuredClone(initial);
    this.reset();
  }

  /** Back to what the emulator was started with. */
  reset(): void {
    this.#values = new Map(DESCRIPTORS.map(({ name, default: value }) => [name, value]));
    this.#seed = 1;
    this.#rateLimit = RATE_LIMIT;
    this.#webhooks = [];
    this.change(this.#initial);
  }

  /** @throws SettingError and then nothing has changed */
  change(change: SettingsChange): void {
    const values = new Map(this.#values);
    for (const [name, value] of Object.entries(change.values ?? {})) {
      values.set(name, parse(name, value));
    }
    const sum = REST_FAULTS.reduce((total, name) => total + Number(values.get(name)), 0);
    if (sum > 1 + 1e-9) {
      throw new SettingError(`The probabilities of ${REST_FAULTS.join(", ")} add up to ${sum.toFixed(3)}; they may add up to 1.`);
    }
    const seed = change.seed ?? this.#seed;
    if (!Number.isSafeInteger(seed)) throw new SettingError("seed must be a whole number.");
    const rateLimit = { ...this.#rateLimit, ...change.rateLimit };
    for (const kind of ["core", "standard"] as const) {
      if (!Number.isInteger(rateLimit[kind]) || rateLimit[kind] < 1) {
        throw new SettingError(`rateLimit.${kind} must be a whole number of requests a minute, 1 or more.`);
      }
    }
    const webhooks = change.webhooks ? checkWebhooks(change.webhooks) : this.#webhooks;
    this.#values = values;
    this.#seed = seed;
    this.#rateLimit = rateLimit;
    this.#webhooks = webhooks;
  }

  get seed(): number {
    return this.#seed;
  }

  get rateLimit(): { readonly core: number; readonly standard: number } {
    return this.#rateLimit;
  }

  get webhooks(): readonly WebhookTarget[] {
    return this.#webhooks;
  }

  choice<Name extends NamesOf<"choice">>(name: Name): Choice<Name> {
    return this.#values.get(name) as Choice<Name>;
  }

  flag(name: NamesOf<"boolean">): boolean {
    return this.#values.get(name) as boolean;
  }

  number(name: NamesOf<"number" | "probability">): number {
    return this.#values.get(name) as number;
  }

  list(name: NamesOf<"list">): string[] {
    return (this.#values.get(name) as string).split(",").filter((entry) => entry !== "");
  }

  /** Of a setting such as `10,30`: `[10, 30]`; `none`: `[]`; `immediate`: `[0]`. */
  seconds(name: NamesOf<"seconds">): number[] {
    const value = this.#values.get(name) as string;
    if (value === "none") return [];
    return value === "immediate" ? [0] : value.split(",").map(Number);
  }

  /** As the emulator's routes show them: passwords masked. */
  show(): Settings {
    return {
      descriptors: DESCRIPTORS,
      values: Object.fromEntries(this.#values),
      seed: this.#seed,
      rateLimit: { ...this.#rateLimit },
      webhooks: this.#webhooks.map((webhook) => (webhook.password ? { ...webhook, password: "…" } : { ...webhook })),
    };
  }
}

/** All switches and faults, for help texts and documents. */
export function descriptors(): readonly SettingDescriptor[] {
  return DESCRIPTORS;
}

/** Accepts the value itself or the text of it, as a command line gives it; of a list also its entries. */
function parse(name: string, value: unknown): SettingValue {
  const descriptor = BY_NAME.get(name);
  if (!descriptor) throw new SettingError(`There is no setting named ${JSON.stringify(name)}.`);
  const { type, choices } = descriptor;
  const text = typeof value === "object" ? "" : String(value).trim();
  switch (type) {
    case "boolean":
      if (text === "true" || text === "yes") return true;
      if (text === "false" || text === "no") return false;
      throw new SettingError(`${name} must be true or false, not ${JSON.stringify(value)}.`);
    case "choice":
      if (choices?.includes(text)) return text;
      throw new SettingError(`${name} must be one of ${choices?.join(", ")}; not ${JSON.stringify(value)}.`);
    case "number":
    case "probability": {
      const { minimum = 0, maximum = Number.MAX_SAFE_INTEGER } = descriptor;
      const number = text === "" ? Number.NaN : Number(text);
      if (number >= minimum && number <= maximum) return number;
      throw new SettingError(`${name} must be a number from ${minimum} to ${maximum}, not ${JSON.stringify(value)}.`);
    }
    case "list": {
      const entries: unknown[] = text !== "" ? text.split(",").map((entry) => entry.trim()) : value === "" ? [] : [value].flat();
      const stranger = entries.findIndex((entry) => typeof entry !== "string" || (choices && !choices.includes(entry)));
      if (stranger === -1) return entries.join(",");
      throw new SettingError(`${name} takes ${choices?.join(", ")}, separated by commas; not ${JSON.stringify(entries[stranger])}.`);
    }
    case "seconds": {
      if (text === "none" || text === "immediate") return text;
      const entries = text.split(",").map((entry) => (entry.trim() === "" ? Number.NaN : Number(entry)));
      if (entries.length <= 10 && entries.every((entry) => entry >= 0 && entry <= 86_400)) return entries.join(",");
      throw new SettingError(`${name} must be none, immediate, or up to 10 numbers of seconds separated by commas; not ${JSON.stringify(value)}.`);
    }
  }
}

/** Limits of a webhook: 25 an app, id 50 alphanumeric characters, URL 255, username 50, password 100 [D] S21. */
function checkWebhooks(webhooks: unknown): WebhookTarget[] {
  if (!Array.isArray(webhooks) || webhooks.length > 25) throw new SettingError("webhooks must be a list of at most 25.");
  return webhooks.map((webhook: WebhookTarget, index) => {
    const where = `webhooks.${index}`;
    if (typeof webhook !== "object" || webhook === null) throw new SettingError(`${where} must be an object.`);
    if (!/^[A-Za-z0-9]{1,50}$/.test(webhook.id)) throw new SettingError(`${where}.id must be 1 to 50 letters and digits.`);
    if (!isHttpUrl(webhook.webhookURL)) throw new SettingError(`${where}.webhookURL must be an http or https URL of at most 255 characters.`);
    if (!Array.isArray(webhook.triggers) || !webhook.triggers.every((trigger) => typeof trigger === "string")) {
      throw new SettingError(`${where}.triggers must be a list of names.`);
    }
    for (const [key, limit] of [["username", 50], ["password", 100]] as const) {
      const value: unknown = webhook[key];
      if (value !== undefined && (typeof value !== "string" || value.length > limit)) {
        throw new SettingError(`${where}.${key} must be a string of at most ${limit} characters.`);
      }
    }
    return { ...webhook, triggers: [...webhook.triggers] };
  });
}

/** Whether something can be posted to: http or https, at most 255 characters [D] S9, S21. */
export function isHttpUrl(value: unknown): value is string {
  return typeof value === "string" && value.length <= 255 && URL.canParse(value) && /^https?:$/.test(new URL(value).protocol);
}
