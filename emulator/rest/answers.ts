/** Answers that no operation has given: errors, and what faults put in place of an answer. */

import { STATUS_CODES } from "node:http";

import type { ErrorCode } from "../errors.ts";
import { CometChatError } from "../errors.ts";
import type { SettingsStore } from "../settings.ts";

/** An answer that is ready to be written. */
export interface Answer {
  status: number;
  headers: Record<string, string>;
  body: string;
}

export function errorAnswer(settings: SettingsStore, error: unknown, headers: Record<string, string> = {}): Answer {
  if (error instanceof CometChatError) {
    const status = error.status(settings.choice("unknownStatus"));
    return { status, headers, body: JSON.stringify(error.body()) };
  }
  console.error("The emulator has a bug:", error);
  return { status: 500, headers, body: errorBody("ERR_EXCEPTION") };
}

/** Of the faults `rest500` and `restAccepted500`. */
export function serverError(settings: SettingsStore): Answer {
  const kind = settings.choice("serverErrorBody");
  if (kind === "empty") return { status: 500, headers: {}, body: "" };
  if (kind === "html") return proxyPage(502);
  return errorAnswer(settings, new CometChatError(kind));
}

/** Of the faults `restStatus` and `restAcceptedStatus`: with CometChat's code where one is known for the status. */
export function drawnStatus(settings: SettingsStore): Answer {
  const drawn = settings.choice("restStatusCode");
  const status = Number(drawn);
  switch (drawn) {
    case "401":
      return { status, headers: {}, body: errorBody("AUTH_ERR_APIKEY_NOT_FOUND") };
    case "403":
      return { status, headers: {}, body: errorBody("AUTH_ERR_NO_ACCESS") };
    default:
      return proxyPage(status);
  }
}

/** Of the faults `restOdd200` and `restAcceptedOdd200`. */
export function odd200(settings: SettingsStore): Answer {
  const body = { noId: '{"data":{}}', empty: "", error: errorBody("ERR_MISSION_FAILED") };
  const kind = settings.choice("odd200Body");
  return kind === "html" ? proxyPage(200) : { status: 200, headers: {}, body: body[kind] };
}

function proxyPage(status: number): Answer {
  const body = `<html><body><h1>${status} ${STATUS_CODES[status]}</h1></body></html>`;
  return { status, headers: { "Content-Type": "text/html" }, body };
}

function errorBody(code: ErrorCode): string {
  return JSON.stringify(new CometChatError(code).body());
}
