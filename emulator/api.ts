/**
 * The emulator's own routes, under `/emulator/`: what the chat page and tests speak.
 *
 * None of this is CometChat's. All bodies are JSON; errors have CometChat's form (`ErrorBody`). Requests with a body
 * need `Content-Type: application/json`. No key is asked for, so a request whose `Origin` is another site is refused.
 * These routes are never rate limited, never hit by faults and never recorded as exchanges.
 *
 * | route | body or query → answer |
 * | --- | --- |
 * | `GET /emulator/state` | → `State` |
 * | `GET /emulator/events` | → server-sent events; `event:` is `EmulatorEvent["type"]`, `data:` is the `EmulatorEvent` |
 * | `GET /emulator/messages` | `MessagesQuery` → `MessagesPage` |
 * | `POST /emulator/messages` | `SendAsPerson` → `Message` |
 * | `PUT /emulator/messages/{id}` | `EditAsPerson` → `Message` (the edited one) |
 * | `DELETE /emulator/messages/{id}?person=UID` | → `Message` (the deleted one) |
 * | `POST`, `DELETE /emulator/messages/{id}/reactions/{reaction}?person=UID` | → `Message` |
 * | `POST /emulator/messages/{id}/interactions` | `InteractAsPerson` → `InteractionResult` |
 * | `POST /emulator/read` | `ReadAsPerson` → `{}` |
 * | `GET /emulator/exchanges` | `ExchangesQuery` → `ExchangesPage` |
 * | `GET /emulator/settings` | → `Settings` |
 * | `PUT /emulator/settings` | `SettingsChange` → `Settings` |
 * | `POST /emulator/reset` | `ResetRequest` or nothing → `State` |
 * | `POST /emulator/fixtures` | `FixtureRequest` → `Fixture` |
 * | `POST /emulator/replay` | `ReplayRequest` → `ReplayResult` |
 * | `POST /emulator/callback-check` | `CallbackCheckRequest` → `CallbackCheck` |
 * | `POST /emulator/callbacks` | `RawCallback` → `CallbackExchange` |
 *
 * A page speaks as a person through `POST /emulator/messages`, not through the REST API: that is what CometChat's
 * client SDK would do, so the message gets a `muid`, a `resource` and `origin.platform: "web"` as a client's message
 * has, and the REST API's log, rate limit and faults stay those of the bot alone.
 */

import type { Bot, ErrorBody, Group, Json, JsonObject, Member, Message, ReceiverType, User } from "./cometchat.ts";

export type { Bot, ErrorBody, Group, Json, JsonObject, Member, Message, ReceiverType, User };

/** Everything a page needs to draw itself, messages aside. */
export interface State {
  appId: string;
  region: string;
  /** A `fullAccess` key of this emulator. It opens nothing else. */
  apiKey: string;
  /** Base URL of the REST API: ends in `/v3`. */
  apiUrl: string;
  /** The number that all faults and generated ids are drawn from. */
  seed: number;
  /** Users who are not bots, by name. */
  people: User[];
  bots: BotState[];
  groups: GroupState[];
  /** The newest first. */
  conversations: ConversationSummary[];
  settings: Settings;
  counts: Counts;
}

/** A bot, the user it is attached to, and how its callback URL has been answering. */
export interface BotState {
  user: User;
  /** As the REST API shows it, but with the password masked. */
  bot: Bot;
  callback: CallbackHealth;
}

/** What the latest callback or check of a bot's URL has shown. */
export interface CallbackHealth {
  /** `unknown`: nothing was posted to it yet. `reachable`: the latest try got some HTTP answer, whatever its status. */
  state: "unknown" | "reachable" | "unreachable";
  /** Milliseconds since 1970 of the latest try; absent while `unknown`. */
  at?: number;
  /** The status answered, if it was reachable. */
  status?: number;
  /** One sentence for a person, if something is wrong: what happened and what to do about it. */
  problem?: string;
}

/** A group and who is in it. */
export interface GroupState {
  group: Group;
  members: Member[];
}

/** One line of a list of conversations. */
export interface ConversationSummary {
  conversationId: string;
  conversationType: ReceiverType;
  /** Of a group: its GUID. */
  guid?: string;
  /** Of a 1:1 conversation: both UIDs. */
  uids?: [string, string];
  /** Messages kept, action messages and replies in threads included. */
  messageCount: number;
  lastMessage: Message;
  /** Number of messages not yet read, by UID. Those who have read everything are left out. */
  unread: Record<string, number>;
}

/** How much is kept, and how much was dropped to stay within the limits. */
export interface Counts {
  conversations: number;
  messages: number;
  maxMessages: number;
  messagesDropped: number;
  exchanges: number;
  maxExchanges: number;
  exchangesDropped: number;
  /** Callbacks on their way: waiting for an answer, a turn, or a retry. */
  callbacksPending: number;
}

// Messages

/** Query of `GET /emulator/messages`: one conversation, by its id or by a person and whom they talk to. */
export interface MessagesQuery {
  conversationId?: string;
  /** UID of the person who looks; with `receiver` and `receiverType` an alternative to `conversationId`. */
  person?: string;
  receiver?: string;
  receiverType?: ReceiverType;
  /** Only the thread under this message. Without it, replies in threads are left out. */
  parentId?: string;
  /** Only messages older than this id: the `before` of the former page. */
  before?: string;
  /** 1 to 500; default 50. */
  limit?: number;
}

/** One page of a conversation. */
export interface MessagesPage {
  /** Absent while nothing was ever said. */
  conversationId?: string;
  /** The oldest first. Deleted messages stay, without text, with `deletedAt`. */
  messages: Message[];
  /** Pass as `before` to get the page before this one; absent on the oldest page. */
  before?: string;
}

/** Body of `POST /emulator/messages`. */
export interface SendAsPerson {
  /** UID of the person who speaks. */
  sender: string;
  receiver: string;
  receiverType: ReceiverType;
  /** Shorthand for `data: {"text": …}`. */
  text?: string;
  /** Default `message`. */
  category?: string;
  /** Default `text`. */
  type?: string;
  data?: JsonObject;
  /** To reply in the thread under this message. */
  parentId?: string;
  tags?: string[];
  /** Default: generated, as a client SDK does. */
  muid?: string;
}

/** Body of `PUT /emulator/messages/{id}`. */
export interface EditAsPerson {
  person: string;
  text: string;
}

/** Body of `POST /emulator/messages/{id}/interactions`: an element of an interactive message was used. */
export interface InteractAsPerson {
  person: string;
  elementId: string;
  /** What was filled in, by element id. */
  values?: JsonObject;
}

/**
 * What using an element did. For `apiAction` the emulator calls the element's URL itself, as the person's device
 * would (a browser could not for want of CORS).
 */
export interface InteractionResult {
  message: Message;
  /** Of `urlNavigation`: the address to open. */
  open?: string;
  /** Of `apiAction`: how the call of the element's URL ended. */
  call?: { status?: number; problem?: string };
}

/** Body of `POST /emulator/read`: the person has the conversation on the screen. */
export interface ReadAsPerson {
  person: string;
  receiver: string;
  receiverType: ReceiverType;
}

// The inspector

/** An HTTP request or answer as it went over the wire. */
export interface HttpRecord {
  /** Names in lower case. `authorization` and `apikey` are masked. */
  headers: Record<string, string>;
  /** Parsed when it is JSON, otherwise the text; cut after 64 KiB. */
  body: unknown;
}

/** Why a delivery of a callback was made. */
export type DeliveryCause =
  /** The first of its message. */
  | "message"
  /** The one before was not answered with 200. */
  | "retry"
  /** A duplicate by switch or fault. */
  | "duplicate"
  /** A recorded one, posted again. */
  | "replay"
  /** Asked for through `POST /emulator/callbacks`. */
  | "raw";

/** One delivery of one callback (or of one webhook event). */
export interface CallbackExchange {
  kind: "callback";
  /** Grows by one with every exchange. */
  id: number;
  /** UID of the bot; absent for an app-wide webhook. */
  bot?: string;
  /** Id of the app-wide webhook; absent for a bot. */
  webhook?: string;
  /** `after_message`, `message_sent`, … */
  trigger: string;
  /** Absent when the event is not about a message. */
  messageId?: string;
  conversationId?: string;
  cause: DeliveryCause;
  /** 1 for the first attempt. */
  attempt: number;
  url: string;
  /** Milliseconds since 1970 when the request was made. */
  at: number;
  /** Milliseconds until the outcome; absent while `pending`. */
  ms?: number;
  /**
   * `answered`: any status. `timeout`: no answer within the switch `callbackTimeout`. `failed`: no connection, or it broke.
   * `dropped`: a fault swallowed it, nothing was sent.
   */
  outcome: "pending" | "answered" | "timeout" | "failed" | "dropped";
  request: HttpRecord;
  /** Present when `answered`. */
  response?: HttpRecord & { status: number };
  /** One sentence for a person, of `timeout`, `failed`, and answers other than 200. */
  problem?: string;
  /** Name of the fault that struck. */
  fault?: string;
  /** Seconds until the next attempt, when there is one. */
  retryIn?: number;
}

/** One call of the REST API. */
export interface RestExchange {
  kind: "rest";
  id: number;
  method: string;
  /** Path and query after `/v3`. */
  path: string;
  /** `sendBotMessage`, `listUserMessages`, …; absent for an unknown endpoint. */
  operation?: string;
  onBehalfOf?: string;
  at: number;
  ms?: number;
  /** `cut`: the connection was broken by a fault. `unanswered`: the client gave up first. */
  outcome: "pending" | "answered" | "cut" | "unanswered";
  request: HttpRecord;
  response?: HttpRecord & { status: number };
  /** Id of the message that this call created. */
  createdMessageId?: string;
  conversationId?: string;
  /**
   * The message that this call answers, as far as can be told: `metadata`: its id stands in `data.metadata.halley`;
   * `muid`: its id is a part of the `muid`; `time`: the latest message delivered to this bot in this conversation.
   */
  answers?: { messageId: string; by: "metadata" | "muid" | "time" };
  fault?: string;
}

/** A line of the inspector. */
export type Exchange = CallbackExchange | RestExchange;

/** Query of `GET /emulator/exchanges`. Without any of the first three: all of them. */
export interface ExchangesQuery {
  /** Deliveries of this message and the REST calls that answer or created it. */
  messageId?: string;
  conversationId?: string;
  kind?: Exchange["kind"];
  /** Only exchanges with a smaller id. */
  before?: number;
  /** 1 to 500; default 100. */
  limit?: number;
}

/** The oldest first; `before` is absent on the oldest page. */
export interface ExchangesPage {
  exchanges: Exchange[];
  before?: number;
}

// Settings

/** The value of a switch or a fault. */
export type SettingValue = string | number | boolean;

/** A switch or a fault: what it is, and where it stands. */
export interface SettingDescriptor {
  /** Key of `Settings.values`, and NAME of `--set NAME=VALUE`. */
  name: string;
  /** A few words, for a form. */
  title: string;
  /** What it does. One or two sentences. */
  description: string;
  /** Where it belongs in a form. */
  section: "callbacks" | "webhooks" | "messages" | "rest" | "callback faults" | "REST faults";
  /**
   * `choice`: one of `choices`. `boolean`. `number`: between `minimum` and `maximum`. `probability`: 0 to 1.
   * `list`: comma-separated, of `choices` if there are any. `seconds`: `none`, `immediate` or comma-separated seconds.
   */
  type: "choice" | "boolean" | "number" | "probability" | "list" | "seconds";
  default: SettingValue;
  choices?: readonly string[];
  minimum?: number;
  maximum?: number;
  /** A word for the unit of a number: `seconds`, `ms`. */
  unit?: string;
  /** What is known about CometChat's own behaviour, with the grade of that knowledge first: `[U]`, `[D]`, `[OBS]`, … */
  whatIsKnown: string;
}

/** All switches and faults. */
export interface Settings {
  /** In the order in which a form shows them. */
  descriptors: readonly SettingDescriptor[];
  /** By name. */
  values: Record<string, SettingValue>;
  seed: number;
  /** Requests a minute. */
  rateLimit: { core: number; standard: number };
  /** App-wide webhooks. Passwords are masked. */
  webhooks: WebhookTarget[];
}

/** Body of `PUT /emulator/settings`. What is left out stays; an unknown name or a bad value changes nothing. */
export interface SettingsChange {
  /** By name. Of a `list` also an array of its entries. */
  values?: Record<string, SettingValue | string[]>;
  seed?: number;
  rateLimit?: { core?: number; standard?: number };
  /** Replaces all of them. */
  webhooks?: WebhookTarget[];
}

/** An app-wide webhook (CometChat's dashboard, "Webhooks"). */
export interface WebhookTarget {
  /** At most 50 alphanumeric characters. */
  id: string;
  webhookURL: string;
  useBasicAuth?: boolean;
  username?: string;
  password?: string;
  enabled?: boolean;
  /** `message_sent`, `message_edited`, …; `["*"]` is every one. */
  triggers: string[];
}

/** Body of `POST /emulator/reset`. */
export interface ResetRequest {
  /** Also put switches, faults, rate limits and webhooks back to what the emulator was started with. Default true. */
  settings?: boolean;
}

// Fixtures

/** Body of `POST /emulator/fixtures`. Nothing is written to disk: the answer is the fixture. */
export interface FixtureRequest {
  conversationId: string;
  name?: string;
}

/** A recorded conversation. */
export interface Fixture {
  /** Of this format. */
  version: 1;
  name: string;
  appId: string;
  region: string;
  conversationId: string;
  /** Bodies of the callbacks as they were posted, the first delivery of each message, in order. */
  callbacks: { bot: string; afterMs: number; body: Json }[];
  /** Every message of the conversation, the oldest first. */
  messages: Message[];
}

/** Body of `POST /emulator/replay`. */
export interface ReplayRequest {
  fixture: Fixture;
  /**
   * `messages` (default): what people said is said again, as new messages, each after the former's callbacks are answered.
   * `callbacks`: the recorded bodies are posted as they are, ids included.
   */
  mode?: "messages" | "callbacks";
  /** Post to this bot instead of the recorded one. */
  bot?: string;
}

/** What was replayed. */
export interface ReplayResult {
  /** Ids of the new messages, or of the messages in the posted callbacks. */
  messageIds: string[];
}

// Callbacks by hand

/** Body of `POST /emulator/callback-check`: does anything answer at a bot's callback URL? One `GET` is made, no callback. */
export interface CallbackCheckRequest {
  /** UID of the bot. */
  bot: string;
}

/** What the check found. */
export interface CallbackCheck extends CallbackHealth {
  bot: string;
  url: string;
  ms: number;
}

/** Body of `POST /emulator/callbacks`: post this body to a bot's callback URL, as it is. */
export interface RawCallback {
  /** UID of the bot whose URL and credentials are used. */
  bot: string;
  /** The JSON to post, or a text to post as it is. */
  body: Json;
  /** Added to, or in place of, the usual headers. An empty value leaves the header out. */
  headers?: Record<string, string>;
}

// Events

/** What `GET /emulator/events` sends. */
export type EmulatorEvent =
  /** A new message, from whomever. */
  | { type: "message"; message: Message; conversation: ConversationSummary }
  /** A message was edited, deleted, reacted to, interacted with, read or delivered: here it is as it stands now. */
  | { type: "message-changed"; change: "edited" | "deleted" | "reaction" | "interacted" | "receipt"; message: Message; conversation: ConversationSummary }
  /** A delivery or REST call began (`pending`), or more is known of it. The same `id` comes again with every change. */
  | { type: "exchange"; exchange: Exchange }
  /** A bot's callback URL answered, or stopped answering. */
  | { type: "callback-health"; bot: string; callback: CallbackHealth }
  /** Users, bots, groups or members changed: fetch the state again. */
  | { type: "world" }
  /** Switches, faults, limits or webhooks changed. */
  | { type: "settings"; settings: Settings }
  /** Everything was put back to the start: fetch the state again. */
  | { type: "reset" };
