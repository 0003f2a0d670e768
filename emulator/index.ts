/**
 * The emulator as a library: a CometChat in this process, over real HTTP.
 *
 * ```ts
 * const emulator = await startEmulator({ callbackUrl: "http://127.0.0.1:8787/callback/demo_bot" });
 * const question = emulator.send({ sender: "cometchat-uid-1", receiver: "demo_bot", receiverType: "user", text: "hi" });
 * const answer = await emulator.waitForMessage((message) => message.sender === "demo_bot", { after: question.id });
 * await emulator.close();
 * ```
 */

import type {
  CallbackExchange,
  ExchangesQuery,
  Fixture,
  MessagesQuery,
  RawCallback,
  RestExchange,
  SendAsPerson,
  SettingsChange,
  SettingValue,
  State,
} from "./api.ts";
import type { Limits } from "./app.ts";
import { App } from "./app.ts";
import { relayToBots } from "./callbacks.ts";
import type { Message, Scope } from "./cometchat.ts";
import { Deliveries } from "./deliveries.ts";
import { recordFixture, replay } from "./own/fixtures.ts";
import { OwnRoutes, postRawCallback } from "./own/routes.ts";
import { sendAsPerson } from "./people.ts";
import { showMessage } from "./render.ts";
import { RestApi } from "./rest/handler.ts";
import { DEFAULT_API_KEY, DEFAULT_APP_ID, DEFAULT_AUTH_KEY, DEFAULT_CALLBACK_URL, DEFAULT_REGION, defaultSeed } from "./seed.ts";
import { listen, urlOf } from "./server.ts";
import { showMessages, showState } from "./state.ts";
import { tellWebhooks } from "./webhooks.ts";
import type { Seed } from "./world.ts";

export type * from "./api.ts";
export { CometChatError } from "./errors.ts";
export { SettingError } from "./settings.ts";
export { StartError } from "./server.ts";
export type { Seed } from "./world.ts";

/** How to start an emulator. Everything has a default. */
export interface EmulatorOptions {
  /** Default 0: any free port. */
  port?: number;
  /** Default `127.0.0.1`: this machine only. */
  host?: string;
  appId?: string;
  region?: string;
  /** The key of the scope `fullAccess`. */
  apiKey?: string;
  /** The key of the scope `authOnly`. */
  authKey?: string;
  /** Where the seeded bot hears. Default `http://127.0.0.1:8787/callback/demo_bot`. */
  callbackUrl?: string;
  /** Users, bots and groups in place of the default ones. */
  world?: Seed;
  /** What faults and generated ids are drawn from. Default 1. */
  seed?: number;
  /** Switches and faults by name. */
  settings?: Record<string, SettingValue>;
  /** Requests a minute. Default: CometChat's, 10,000 core and 20,000 standard operations. */
  rateLimit?: { core?: number; standard?: number };
  /** App-wide webhooks. Default: none. */
  webhooks?: NonNullable<SettingsChange["webhooks"]>;
  /** What is kept; beyond it the oldest go. Default: 200,000 messages and 5,000 exchanges. */
  limits?: Partial<Limits>;
  /** Id of the first message. Default 1. */
  firstMessageId?: number;
}

/** Which message to wait for, and how long. */
export interface WaitOptions {
  /** Only messages with a larger id count. Default: all, those that are there already too. */
  after?: string;
  /** Milliseconds. Default 5,000. */
  timeout?: number;
}

/** A running emulator. All its methods see and change the same world as HTTP does. */
export interface Emulator {
  /** Of the chat page and the emulator's own routes; without a slash at the end. */
  readonly url: string;
  /** Of the REST API: ends in `/v3`. */
  readonly apiUrl: string;
  readonly port: number;
  readonly appId: string;
  readonly region: string;
  readonly apiKey: string;

  /** Says something as a person would through a client. Callbacks follow by themselves. @throws CometChatError */
  send(message: SendAsPerson): Message;
  /** Posts a body of one's own to a bot's URL, with its credentials; settles when it is answered or has failed. */
  postCallback(callback: RawCallback): Promise<CallbackExchange>;
  /** A page of a conversation or thread, the oldest first. */
  messages(query: MessagesQuery): Message[];
  /** The first message that matches, in the order of ids; rejects with what was there instead when time is up. */
  waitForMessage(matches: (message: Message) => boolean, options?: WaitOptions): Promise<Message>;
  /** Deliveries of callbacks and webhook events, the oldest first. */
  deliveries(query?: Omit<ExchangesQuery, "kind">): CallbackExchange[];
  /** Calls of the REST API, the oldest first. */
  restCalls(query?: Omit<ExchangesQuery, "kind">): RestExchange[];
  /** Settles when no callback is on its way, retries and late duplicates included; rejects when time is up. */
  idle(options?: { timeout?: number }): Promise<void>;
  state(): State;
  /** Sets switches and faults by name; they hold at once. @throws SettingError */
  set(values: Record<string, SettingValue>): void;
  /** Also seed, rate limits and webhooks. @throws SettingError */
  change(change: SettingsChange): void;
  /** Back to the start; what is on its way is forgotten. Ids go on. */
  reset(options?: { settings?: boolean }): void;
  addUser(user: Seed["users"][number]): void;
  /** Also adds the user if there is none with this UID. */
  addBot(bot: Seed["bots"][number] & { name?: string }): void;
  addGroup(group: Seed["groups"][number]): void;
  addMember(guid: string, uid: string, scope?: Scope): void;
  recordFixture(conversationId: string, name?: string): Fixture;
  /** Ids of the new messages, or of the messages in the posted callbacks. */
  replay(fixture: Fixture, options?: { mode?: "messages" | "callbacks"; bot?: string }): Promise<string[]>;
  /** Stops listening, breaks what is on its way and frees the port. */
  close(): Promise<void>;
}

/** Starts an emulator. @throws StartError, SettingError */
export async function startEmulator(options: EmulatorOptions = {}): Promise<Emulator> {
  const { host = "127.0.0.1", port = 0, limits = {} } = options;
  const app = new App({
    identity: {
      appId: options.appId ?? DEFAULT_APP_ID,
      region: options.region ?? DEFAULT_REGION,
      apiKey: options.apiKey ?? DEFAULT_API_KEY,
      authKey: options.authKey ?? DEFAULT_AUTH_KEY,
    },
    seed: options.world ?? defaultSeed(options.callbackUrl ?? DEFAULT_CALLBACK_URL),
    settings: {
      ...(options.settings && { values: options.settings }),
      ...(options.seed !== undefined && { seed: options.seed }),
      ...(options.rateLimit && { rateLimit: options.rateLimit }),
      ...(options.webhooks && { webhooks: options.webhooks }),
    },
    limits: { messages: limits.messages ?? 200_000, exchanges: limits.exchanges ?? 5_000 },
    firstMessageId: options.firstMessageId ?? 1,
  });
  const deliveries = new Deliveries(app);
  app.listen((change) => {
    if (change.kind === "reset") deliveries.reset();
  });
  relayToBots(app, deliveries);
  tellWebhooks(app, deliveries);
  const loopback = /^(localhost|127\..*|::1)$/.test(host);
  const own = new OwnRoutes(app, deliveries, { apiUrl: () => apiUrl, loopback });
  const server = await listen(host, port, new RestApi(app, { loopback }), own);
  const url = urlOf(server);
  const apiUrl = `${url}/v3`;
  const show = (message: Parameters<typeof showMessage>[1]) => showMessage(app, message, { audience: "own" });

  return {
    url,
    apiUrl,
    port: Number(new URL(url).port),
    appId: app.identity.appId,
    region: app.identity.region,
    apiKey: app.identity.apiKey,
    send: (message) => show(sendAsPerson(app, message)),
    postCallback: (callback) => postRawCallback(app, deliveries, callback),
    messages: (query) => showMessages(app, query).messages,
    waitForMessage: (matches, waitOptions) => waitForMessage(app, matches, waitOptions),
    deliveries: (query) => app.exchanges.list({ limit: Infinity, ...query, kind: "callback" }).exchanges as CallbackExchange[],
    restCalls: (query) => app.exchanges.list({ limit: Infinity, ...query, kind: "rest" }).exchanges as RestExchange[],
    idle: ({ timeout = 5000 } = {}) =>
      withDeadline(deliveries.idle(), timeout, () => `${deliveries.pending} callbacks are still on their way after ${timeout} ms.`),
    state: () => showState(app, deliveries, apiUrl),
    set: (values) => changeSettings(app, { values }),
    change: (change) => changeSettings(app, change),
    reset: ({ settings = true } = {}) => app.reset(settings),
    addUser: (user) => app.add({ users: [user] }),
    addBot: ({ name, ...bot }) => app.add({ users: app.world.users.has(bot.uid) ? [] : [{ uid: bot.uid, name: name ?? bot.uid }], bots: [bot] }),
    addGroup: (group) => app.add({ groups: [group] }),
    addMember: (guid, uid, scope = "participant") => {
      app.world.group(guid).members.set(app.world.user(uid).uid, { scope, joinedAt: app.now() });
      app.tell({ kind: "world" });
    },
    recordFixture: (conversationId, name) => recordFixture(app, { conversationId, ...(name !== undefined && { name }) }),
    replay: async (fixture, how) => (await replay(app, deliveries, { fixture, ...how })).messageIds,
    close: async () => {
      deliveries.close();
      own.close();
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

function changeSettings(app: App, change: SettingsChange): void {
  app.settings.change(change);
  app.tell({ kind: "settings" });
}

function waitForMessage(app: App, matches: (message: Message) => boolean, { after, timeout = 5000 }: WaitOptions = {}): Promise<Message> {
  const seen: string[] = [];
  return new Promise((resolve, reject) => {
    const look = (stored: Parameters<typeof showMessage>[1]): boolean => {
      const message = showMessage(app, stored, { audience: "own" });
      seen.push(`${message.id} ${message.category}/${message.type} from ${message.sender}`);
      if (!matches(message)) return false;
      resolve(message);
      return true;
    };
    for (const stored of app.messages.all.after(after === undefined ? -1 : Number(after))) {
      if (look(stored)) return;
    }
    const stop = app.listen((change) => {
      if (change.kind !== "message") return;
      try {
        if (!look(change.message)) return;
      } catch (error) {
        reject(error);
      }
      clearTimeout(timer);
      stop();
    });
    const timer = setTimeout(() => {
      stop();
      reject(new Error(`No message matched within ${timeout} ms. Seen: ${seen.slice(-20).join("; ") || "none"}.`));
    }, timeout);
  });
}

function withDeadline(promise: Promise<void>, ms: number, problem: () => string): Promise<void> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => reject(new Error(problem())), ms);
    void promise.then(() => {
      clearTimeout(timer);
      resolve();
    });
  });
}
