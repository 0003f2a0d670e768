/** What the page knows: the emulator's state, kept up to date by its events, and where the person is in it. */

import type {
  BotState,
  CallbackExchange,
  CallbackHealth,
  ConversationSummary,
  EmulatorEvent,
  Exchange,
  GroupState,
  Message,
  ReceiverType,
  Settings,
  State,
  User,
} from "../api.ts";
import { api, sentenceOf } from "./api.ts";
import { Exchanges } from "./exchanges.ts";
import { remember, remembered } from "./theme.ts";

/** Whom the person talks to. */
export interface Chat {
  receiverType: ReceiverType;
  receiver: string;
}

/** What listeners are told. */
export interface Topics {
  /** `live`: events arrive. `lost`: the emulator is gone. */
  connection: "connecting" | "live" | "lost";
  /** People, bots or groups are others than before, or the person or chat is. */
  world: undefined;
  conversations: undefined;
  settings: Settings;
  health: string;
  message: Message;
  /** A message as it was answered to the person, which alone tells whose reactions are whose. */
  answered: Message;
  exchange: Exchange;
  /** Everything was fetched anew: what is shown of messages must be too. */
  fresh: undefined;
}

type Listener<Topic extends keyof Topics> = (value: Topics[Topic]) => void;

const PERSON = "halley.person";

export class Store {
  state: State | undefined;
  connection: Topics["connection"] = "connecting";
  me = "";
  chat: Chat | undefined;
  readonly exchanges = new Exchanges();
  readonly #users = new Map<string, User>();
  readonly #bots = new Map<string, BotState>();
  readonly #groups = new Map<string, GroupState>();
  readonly #conversations = new Map<string, ConversationSummary>();
  /** What the bots' latest callbacks have shown, in more detail than the emulator's health does. */
  readonly #troubles = new Map<string, string>();
  readonly #listeners = new Map<keyof Topics, Set<Listener<keyof Topics>>>();

  on<Topic extends keyof Topics>(topic: Topic, listener: Listener<Topic>): () => void {
    const listeners = this.#listeners.get(topic) ?? new Set();
    this.#listeners.set(topic, listeners.add(listener as Listener<keyof Topics>));
    return () => listeners.delete(listener as Listener<keyof Topics>);
  }

  #tell<Topic extends keyof Topics>(topic: Topic, value: Topics[Topic]): void {
    for (const listener of this.#listeners.get(topic) ?? []) listener(value);
  }

  /** Fetches everything anew. @throws ApiError */
  async load(): Promise<void> {
    this.#keep(await api.state());
    this.#tell("settings", this.state!.settings);
    this.#tell("world", undefined);
    this.#tell("conversations", undefined);
    this.#tell("fresh", undefined);
  }

  async #reloadWorld(): Promise<void> {
    try {
      this.#keep(await api.state());
    } catch {
      return; // the stream of events tells that the emulator is gone
    }
    this.#tell("world", undefined);
    this.#tell("conversations", undefined);
  }

  #keep(state: State): void {
    this.state = state;
    for (const known of [this.#users, this.#bots, this.#groups, this.#conversations]) known.clear();
    for (const user of state.people) this.#users.set(user.uid, user);
    for (const bot of state.bots) {
      this.#bots.set(bot.user.uid, bot);
      this.#users.set(bot.user.uid, bot.user);
      this.#noteHealth(bot.user.uid, bot.callback);
    }
    for (const group of state.groups) this.#groups.set(group.group.guid, group);
    for (const conversation of state.conversations) this.#conversations.set(conversation.conversationId, conversation);
    const isThere = (uid: string | undefined) => state.people.some((user) => user.uid === uid);
    if (isThere(this.me)) return;
    const known = remembered(PERSON);
    this.me = isThere(known) ? known! : (state.people[0]?.uid ?? "");
  }

  connectionIs(connection: Topics["connection"]): void {
    if (connection === this.connection) return;
    this.connection = connection;
    this.#tell("connection", connection);
  }

  speakAs(uid: string): void {
    this.me = uid;
    remember(PERSON, uid);
    this.#tell("world", undefined);
    this.#tell("conversations", undefined);
    this.#tell("fresh", undefined);
  }

  open(chat: Chat | undefined): void {
    this.chat = chat;
    this.#tell("world", undefined);
    this.#tell("conversations", undefined);
    this.#tell("fresh", undefined);
  }

  apply(event: EmulatorEvent): void {
    switch (event.type) {
      case "message":
      case "message-changed":
        this.#conversations.set(event.conversation.conversationId, event.conversation);
        this.#tell("message", event.message);
        return this.#tell("conversations", undefined);
      case "exchange":
        return this.note([event.exchange]);
      case "callback-health":
        this.#noteHealth(event.bot, event.callback);
        return this.#tell("health", event.bot);
      case "settings":
        if (this.state) this.state.settings = event.settings;
        return this.#tell("settings", event.settings);
      case "world":
        return void this.#reloadWorld();
      case "reset":
        this.exchanges.clear();
        this.#troubles.clear();
        return void this.load().catch(() => {});
    }
  }

  /** Takes in a message as the emulator has answered it to the person: it knows which reactions are theirs. */
  changed(message: Message): void {
    this.#tell("answered", message);
  }

  /** Takes exchanges in, from an event or from a page of them. */
  note(exchanges: readonly Exchange[]): void {
    for (const exchange of exchanges) {
      this.exchanges.keep(exchange);
      if (exchange.kind === "callback" && exchange.bot) this.#noteOutcome(exchange.bot, exchange);
      this.#tell("exchange", exchange);
    }
  }

  user(uid: string): User | undefined {
    return this.#users.get(uid);
  }

  bot(uid: string): BotState | undefined {
    return this.#bots.get(uid);
  }

  group(guid: string): GroupState | undefined {
    return this.#groups.get(guid);
  }

  isBot(uid: string): boolean {
    return this.#bots.has(uid);
  }

  get conversations(): IterableIterator<ConversationSummary> {
    return this.#conversations.values();
  }

  /** The summary of a chat of the person. */
  summary({ receiverType, receiver }: Chat): ConversationSummary | undefined {
    for (const conversation of this.#conversations.values()) {
      if (isOf(conversation, receiverType, receiver, this.me)) return conversation;
    }
    return undefined;
  }

  /** Bots that hear what is said in a chat. */
  botsIn({ receiverType, receiver }: Chat): BotState[] {
    if (receiverType === "user") return [this.#bots.get(receiver)].filter((bot) => bot !== undefined);
    const members = this.#groups.get(receiver)?.members ?? [];
    return members.map(({ uid }) => this.#bots.get(uid)).filter((bot) => bot !== undefined);
  }

  /** One sentence, if the bot's callback is in trouble. */
  trouble(bot: string): string | undefined {
    return this.#troubles.get(bot);
  }

  isUnreachable(bot: string): boolean {
    return this.#bots.get(bot)?.callback.state === "unreachable";
  }

  #noteHealth(uid: string, health: CallbackHealth): void {
    const bot = this.#bots.get(uid);
    if (bot) bot.callback = health;
    if (health.problem === undefined) this.#troubles.delete(uid);
    else if (!this.#troubles.has(uid)) this.#troubles.set(uid, health.problem);
  }

  #noteOutcome(uid: string, exchange: CallbackExchange): void {
    if (exchange.outcome === "pending" || exchange.outcome === "dropped") return;
    const former = this.#troubles.get(uid);
    const problem = problemOf(exchange);
    if (problem === undefined) this.#troubles.delete(uid);
    else this.#troubles.set(uid, problem);
    if (former !== problem) this.#tell("health", uid);
  }
}

/** What is wrong with a delivery, with the sentence that the bot itself gave. */
export function problemOf({ problem, response }: CallbackExchange): string | undefined {
  const sentence = sentenceOf(response?.body);
  if (problem === undefined || sentence === undefined) return problem;
  return `${problem.replace(/\.?$/, ".")} It says: ${sentence}`;
}

function isOf(conversation: ConversationSummary, type: ReceiverType, receiver: string, me: string): boolean {
  if (conversation.conversationType !== type) return false;
  if (type === "group") return conversation.guid === receiver;
  const [one, other] = conversation.uids ?? [];
  return (one === me && other === receiver) || (one === receiver && other === me);
}

export const store = new Store();
