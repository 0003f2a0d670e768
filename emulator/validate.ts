/** Reading what clients send. Every problem becomes a `CometChatError`; nothing here throws anything else. */

import type { Json, JsonObject } from "./cometchat.ts";
import { CometChatError, invalid } from "./errors.ts";
import { isHttpUrl } from "./settings.ts";

/** Deepest nesting of JSON that is taken in: far more than any message, and shallow enough for every recursion. */
const MAX_DEPTH = 64;

export function isObject(value: unknown): value is JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** A text or a number as text; of anything else, which `String` might even throw at, an empty text. */
export function asText(value: unknown): string {
  return typeof value === "string" || typeof value === "number" ? String(value) : "";
}

/** An object from a request's body. An empty body is an empty object. */
export function parseBody(text: string): JsonObject {
  if (text.trim() === "") return {};
  let body: unknown;
  try {
    body = JSON.parse(text);
  } catch {
    throw new CometChatError("ERR_BAD_REQUEST", "The body is not valid JSON.");
  }
  if (!isObject(body)) throw new CometChatError("ERR_BAD_REQUEST", "The body must be a JSON object.");
  if (depth(body) > MAX_DEPTH) throw new CometChatError("ERR_BAD_REQUEST", "The body is nested too deeply.");
  return body;
}

function depth(value: Json, limit = MAX_DEPTH + 1): number {
  if (limit === 0 || typeof value !== "object" || value === null) return 0;
  let deepest = 0;
  for (const child of Object.values(value)) deepest = Math.max(deepest, depth(child, limit - 1));
  return deepest + 1;
}

/** A required text that is not blank. */
export function requiredText(body: JsonObject, field: string, maxLength: number): string {
  const text = optionalText(body, field, maxLength);
  if (text === undefined || text.trim() === "") throw invalid(field, `The ${field} field is required.`);
  return text;
}

export function optionalText(body: JsonObject, field: string, maxLength: number): string | undefined {
  const value = body[field];
  if (value === undefined || value === null) return undefined;
  if (typeof value !== "string") throw invalid(field, `The ${field} must be a string.`);
  if (value.length > maxLength) throw invalid(field, `The ${field} may not be greater than ${maxLength} characters.`);
  return value;
}

export function optionalUrl(body: JsonObject, field: string, maxLength: number): string | undefined {
  const value = optionalText(body, field, maxLength);
  if (value !== undefined && !URL.canParse(value)) throw invalid(field, `The ${field} must be a valid URL.`);
  return value;
}

/** Something that can be posted to. */
export function callbackUrl(body: JsonObject, field: string): string {
  const value = requiredText(body, field, 255);
  if (!isHttpUrl(value)) throw invalid(field, `The ${field} must be a valid http or https URL.`);
  return value;
}

/** `true` and `false`, also as text. */
export function optionalFlag(body: JsonObject, field: string): boolean | undefined {
  const value = body[field];
  if (value === undefined || value === null) return undefined;
  if (value === true || value === "true" || value === 1) return true;
  if (value === false || value === "false" || value === 0) return false;
  throw invalid(field, `The ${field} field must be true or false.`);
}

export function optionalObject(body: JsonObject, field: string): JsonObject | undefined {
  const value = body[field];
  if (value === undefined || value === null) return undefined;
  if (!isObject(value)) throw invalid(field, `The ${field} must be an object.`);
  return value;
}

/** At most 25 tags of at most 100 characters [D] S25, S4. */
export function optionalTags(body: JsonObject): string[] | undefined {
  const tags = optionalList(body, "tags", 25);
  tags?.forEach((tag, index) => {
    if (tag.length > 100) throw invalid(`tags.${index}`, `The tags.${index} may not be greater than 100 characters.`);
  });
  return tags;
}

/** A list of texts. */
export function optionalList(body: JsonObject, field: string, maxItems: number): string[] | undefined {
  const value = body[field];
  if (value === undefined || value === null) return undefined;
  if (!Array.isArray(value)) throw invalid(field, `The ${field} must be an array.`);
  if (value.length > maxItems) throw invalid(field, `The ${field} may not have more than ${maxItems} items.`);
  value.forEach((item, index) => {
    if (typeof item !== "string") throw invalid(`${field}.${index}`, `The ${field}.${index} must be a string.`);
  });
  return value as string[];
}

export function oneOf<Choice extends string>(body: JsonObject, field: string, choices: readonly Choice[]): Choice | undefined {
  const value = optionalText(body, field, 100);
  if (value === undefined) return undefined;
  if ((choices as readonly string[]).includes(value)) return value as Choice;
  throw invalid(field, `The selected ${field} is invalid.`);
}

/** UIDs and GUIDs: forced to lower case, `a-z 0-9 - _`, no spaces, at most `maxLength` [D] S25. */
export function newId(body: JsonObject, field: string, maxLength: number): string {
  const id = requiredText(body, field, maxLength).toLowerCase();
  if (!/^[a-z0-9_-]+$/.test(id)) throw invalid(field, `The ${field} may only contain letters, numbers, dashes and underscores.`);
  return id;
}

/** An id in a path: a decimal number, as all message ids are. */
export function messageId(text: string): number {
  if (/^\d{1,15}$/.test(text)) return Number(text);
  throw new CometChatError("ERR_MESSAGE_ID_NOT_FOUND", `The message with id ${text.slice(0, 40)} does not exist.`);
}

export function queryNumber(query: URLSearchParams, field: string, range: { default: number; minimum: number; maximum: number }): number {
  const text = query.get(field);
  if (text === null || text === "") return range.default;
  const number = Number(text);
  if (Number.isInteger(number) && number >= range.minimum && number <= range.maximum) return number;
  throw invalid(field, `The ${field} must be a whole number from ${range.minimum} to ${range.maximum}.`);
}

export function queryFlag(query: URLSearchParams, field: string): boolean {
  const text = query.get(field);
  if (text === null || text === "" || text === "false" || text === "0") return false;
  if (text === "true" || text === "1") return true;
  throw invalid(field, `The ${field} field must be true or false.`);
}

/** A list in a query: repeated, with brackets, with indices, as JSON, or separated by commas. */
export function queryList(query: URLSearchParams, field: string): string[] {
  const values: string[] = [];
  for (const [key, value] of query) {
    if (key !== field && !(key.startsWith(`${field}[`) && key.endsWith("]"))) continue;
    if (value.startsWith("[")) {
      try {
        const list: unknown = JSON.parse(value);
        if (Array.isArray(list)) values.push(...list.map(String));
        continue;
      } catch {
        throw invalid(field, `The ${field} must be an array.`);
      }
    }
    values.push(...value.split(","));
  }
  return values.map((value) => value.trim()).filter((value) => value !== "");
}
