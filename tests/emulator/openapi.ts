/**
 * Checks requests and answers against CometChat's OpenAPI files in `openapi/`: the current one where it describes them,
 * otherwise the one of 2023. Only what those files use of JSON Schema is understood.
 */

import { readFileSync } from "node:fs";

interface Schema {
  $ref?: string;
  type?: string;
  enum?: unknown[];
  required?: string[];
  properties?: Record<string, Schema>;
  additionalProperties?: Schema;
  items?: Schema;
  oneOf?: Schema[];
  allOf?: Schema[];
  maxLength?: number;
  maxItems?: number;
  minimum?: number;
  maximum?: number;
}

interface Parameter {
  $ref?: string;
  name: string;
  in: string;
  required?: boolean;
  schema?: Schema;
}

interface Operation {
  operationId: string;
  parameters?: Parameter[];
  requestBody?: { content: Record<string, { schema: Schema }> };
  responses: Record<string, { content?: Record<string, { schema: Schema }> }>;
}

interface Document {
  paths: Record<string, Record<string, Operation>>;
  components: { schemas: Record<string, Schema>; parameters: Record<string, Parameter> };
}

const read = (name: string): Document => JSON.parse(readFileSync(new URL(`openapi/${name}`, import.meta.url), "utf8"));

const DOCUMENTS = [read("chat-apis-current-transcribed.json"), read("chat-apis-2023-08-trimmed.json")];

/**
 * Where the files contradict their own examples or observations; the path is that in the answer.
 * - `editedBy` is declared an integer, and is a UID in the example.
 * - `createdAt` of users within edited messages is declared a string, and is a number in the example.
 * - A list of banned users is declared an object, and is a list in the example.
 */
const ERRATA = [/\.editedBy$/, /\.on\.entity\..*\.createdAt$/, /^answer\.data: .* instead of object$/];

/** What is wrong with a request or an answer: empty if nothing is, or if the files do not have the operation. */
export function problems(method: string, path: string, request: unknown, answer: unknown): string[] {
  const result: string[] = [];
  const operations = find(method, path);
  const requestIn = operations.find(([, operation]) => operation.requestBody?.content["application/json"]);
  const requestSchema = requestIn?.[1].requestBody?.content["application/json"]?.schema;
  if (requestSchema && request !== undefined) check(requestIn[0], requestSchema, request, "request", result);
  const answerIn = operations.find(([, operation]) => operation.responses["200"]?.content?.["application/json"]);
  const answerSchema = answerIn?.[1].responses["200"]?.content?.["application/json"]?.schema;
  if (answerSchema && answer !== undefined) check(answerIn[0], answerSchema, answer, "answer", result);
  return result.filter((problem) => !ERRATA.some((erratum) => erratum.test(problem.split(": ")[0]!) || erratum.test(problem)));
}

/** What is wrong with an error: CometChat has one form for all. */
export function errorProblems(answer: unknown): string[] {
  const result: string[] = [];
  check(DOCUMENTS[0]!, DOCUMENTS[0]!.components.schemas["error"]!, answer, "answer", result);
  if (typeof answer !== "object" || answer === null || !("error" in answer)) result.push("answer: error is missing");
  return result;
}

/** All operations of both files, as `METHOD /path`. */
export function operations(): string[] {
  const names = DOCUMENTS.flatMap(({ paths }) =>
    Object.entries(paths).flatMap(([path, methods]) =>
      Object.keys(methods).filter((method) => method !== "parameters").map((method) => `${method.toUpperCase()} ${path}`),
    ),
  );
  return [...new Set(names)].sort();
}

/** The operation in each file that has it, the current file first. */
function find(method: string, path: string): [Document, Operation][] {
  const segments = path.split("?")[0]!.split("/");
  const found: [Document, Operation][] = [];
  for (const document of DOCUMENTS) {
    for (const [template, methods] of Object.entries(document.paths)) {
      const parts = template.split("/");
      const matches = parts.length === segments.length && parts.every((part, index) => part.startsWith("{") || part === segments[index]);
      const operation = methods[method.toLowerCase()];
      if (matches && operation) found.push([document, operation]);
    }
  }
  return found;
}

function check(document: Document, given: Schema, value: unknown, where: string, result: string[]): void {
  const schema = resolve(document, given);
  for (const part of schema.allOf ?? []) check(document, part, value, where, result);
  if (schema.oneOf) {
    const tries = schema.oneOf.map((choice) => {
      const inner: string[] = [];
      check(document, choice, value, where, inner);
      return inner;
    });
    if (tries.every((inner) => inner.length > 0)) result.push(...tries[0]!);
  }
  const type = schema.type;
  const fits =
    type === undefined ||
    (type === "integer" ? Number.isInteger(value) : type === "array" ? Array.isArray(value) : type === "object" ? isObject(value) : typeof value === type);
  if (!fits) {
    result.push(`${where}: ${JSON.stringify(value)} instead of ${type}`);
    return;
  }
  if (schema.enum && !schema.enum.includes(value)) result.push(`${where}: ${JSON.stringify(value)} is none of ${schema.enum}`);
  if (typeof value === "string" && schema.maxLength !== undefined && value.length > schema.maxLength) result.push(`${where}: too long`);
  if (Array.isArray(value)) {
    if (schema.maxItems !== undefined && value.length > schema.maxItems) result.push(`${where}: too many`);
    for (const [index, item] of value.entries()) if (schema.items) check(document, schema.items, item, `${where}.${index}`, result);
  }
  if (isObject(value)) checkProperties(document, schema, value, where, result);
}

function checkProperties(document: Document, schema: Schema, value: Record<string, unknown>, where: string, result: string[]): void {
  for (const name of schema.required ?? []) if (!(name in value)) result.push(`${where}: ${name} is missing`);
  for (const [name, property] of Object.entries(schema.properties ?? {})) {
    // The file of 2023 writes `"": {$ref}` for "what stands here is a …", and `<uid>` for any UID.
    if (name === "") check(document, property, value, where, result);
    else if (name.startsWith("<")) for (const [key, item] of Object.entries(value)) check(document, property, item, `${where}.${key}`, result);
    else if (value[name] !== undefined) check(document, property, value[name], `${where}.${name}`, result);
  }
  if (schema.additionalProperties) {
    for (const [key, item] of Object.entries(value)) {
      if (!(key in (schema.properties ?? {}))) check(document, schema.additionalProperties, item, `${where}.${key}`, result);
    }
  }
}

function resolve(document: Document, schema: Schema): Schema {
  if (!schema.$ref) return schema;
  const name = schema.$ref.split("/").at(-1)!;
  const target = document.components.schemas[name];
  if (!target) throw new Error(`${schema.$ref} does not exist.`);
  return target;
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
