/** The emulator's routes, as ../api.ts describes them, and the few calls of the REST API that set up a world. */

import type {
  CallbackCheck,
  ErrorBody,
  ExchangesPage,
  ExchangesQuery,
  Fixture,
  FixtureRequest,
  Group,
  InteractAsPerson,
  InteractionResult,
  Message,
  MessagesPage,
  MessagesQuery,
  ReadAsPerson,
  ReplayRequest,
  ReplayResult,
  SendAsPerson,
  Settings,
  SettingsChange,
  State,
  User,
} from "../api.ts";

/** What went wrong, as one sentence for a person. */
export class ApiError extends Error {
  /** Undefined: nothing was answered. */
  readonly status: number | undefined;

  constructor(message: string, status?: number) {
    super(message);
    this.status = status;
  }
}

async function call<Answer>(
  method: string,
  path: string,
  body?: object,
  headers: Record<string, string> = {},
): Promise<Answer> {
  let response: Response;
  try {
    response = await fetch(path, {
      method,
      headers: { ...headers, ...(body && { "Content-Type": "application/json" }) },
      ...(body && { body: JSON.stringify(body) }),
    });
  } catch {
    throw new ApiError("The emulator does not answer. Is it still running?");
  }
  const answer: unknown = await response.json().catch(() => undefined);
  if (response.ok && answer !== undefined) return answer as Answer;
  throw new ApiError(sentenceOf(answer) ?? `The emulator answered ${response.status}.`, response.status);
}

/** The sentence of a body in CometChat's form of errors. What is wrong with single fields says more than the whole. */
export function sentenceOf(body: unknown): string | undefined {
  const error = (body as Partial<ErrorBody> | undefined)?.error;
  const details = Object.values(error?.details ?? {}).flat();
  const sentence = details.length > 0 ? details.join(" ") : error?.message;
  return typeof sentence === "string" ? sentence : undefined;
}

function query(values: MessagesQuery | ExchangesQuery | { person: string }): string {
  const given = Object.entries(values).filter(([, value]) => value !== undefined);
  return new URLSearchParams(given.map(([name, value]) => [name, String(value)])).toString();
}

const at = encodeURIComponent;

export const api = {
  state: () => call<State>("GET", "/emulator/state"),
  messages: (of: MessagesQuery) => call<MessagesPage>("GET", `/emulator/messages?${query(of)}`),
  send: (message: SendAsPerson) => call<Message>("POST", "/emulator/messages", message),
  edit: (id: string, person: string, text: string) =>
    call<Message>("PUT", `/emulator/messages/${at(id)}`, { person, text }),
  remove: (id: string, person: string) => call<Message>("DELETE", `/emulator/messages/${at(id)}?${query({ person })}`),
  react: (id: string, reaction: string, person: string, add: boolean) =>
    call<Message>(
      add ? "POST" : "DELETE",
      `/emulator/messages/${at(id)}/reactions/${at(reaction)}?${query({ person })}`,
    ),
  interact: (id: string, use: InteractAsPerson) =>
    call<InteractionResult>("POST", `/emulator/messages/${at(id)}/interactions`, use),
  read: (what: ReadAsPerson) => call<object>("POST", "/emulator/read", what),
  exchanges: (of: ExchangesQuery) => call<ExchangesPage>("GET", `/emulator/exchanges?${query(of)}`),
  changeSettings: (change: SettingsChange) => call<Settings>("PUT", "/emulator/settings", change),
  reset: () => call<State>("POST", "/emulator/reset", { settings: false }),
  fixture: (request: FixtureRequest) => call<Fixture>("POST", "/emulator/fixtures", request),
  replay: (request: ReplayRequest) => call<ReplayResult>("POST", "/emulator/replay", request),
  checkCallback: (bot: string) => call<CallbackCheck>("POST", "/emulator/callback-check", { bot }),
};

/** The REST API of the emulator that serves this page, whatever name it was opened under. */
export function restApi(apiKey: string) {
  const rest = <Answer>(method: string, path: string, body?: object) =>
    call<{ data: Answer }>(method, `/v3${path}`, body, { apikey: apiKey }).then(({ data }) => data);
  return {
    createUser: (uid: string, name: string) => rest<User>("POST", "/users", { uid, name }),
    createGroup: (guid: string, name: string, owner: string, participants: string[]) =>
      rest<Group>("POST", "/groups", { guid, name, type: "public", owner, members: { participants } }),
    join: (guid: string, uid: string) => rest<object>("POST", `/groups/${at(guid)}/members`, { participants: [uid] }),
  };
}
