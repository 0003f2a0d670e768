/** The messages of one chat or thread that are loaded, kept up to date by events. */

import type { Message } from "../api.ts";
import { api } from "./api.ts";
import type { Chat } from "./store.ts";

const PAGE = 50;

/** Messages held at once; beyond it those at the other end go. */
const MAX_HELD = 600;

/** Held while the newest is in view: a busy chat drops its oldest again. */
const MAX_AT_END = 200;

export class History {
  readonly chat: Chat;
  readonly me: string;
  readonly parentId: string | undefined;
  /** The oldest first. */
  messages: Message[] = [];
  state: "loading" | "ready" | "failed" = "loading";
  problem = "";
  conversationId: string | undefined;
  /** Whether the newest message is among those held. */
  hasEnd = true;
  #before: string | undefined;
  #loadingOlder = false;

  constructor(chat: Chat, me: string, parentId?: string) {
    this.chat = chat;
    this.me = me;
    this.parentId = parentId;
  }

  get hasOlder(): boolean {
    return this.#before !== undefined;
  }

  /** The newest page. What events have told meanwhile is kept. Never rejects. */
  async load(): Promise<void> {
    this.state = "loading";
    try {
      const page = await api.messages({ ...this.#query(), limit: PAGE });
      const last = page.messages.at(-1)?.id ?? "0";
      this.messages = [...page.messages, ...this.messages.filter(({ id }) => compare(id, last) > 0)];
      this.conversationId = page.conversationId ?? this.conversationId;
      this.#before = page.before;
      this.state = "ready";
    } catch (error) {
      this.state = "failed";
      this.problem = (error as Error).message;
    }
  }

  /** The page before what is held. Resolves to whether there was anything to load. Never rejects. */
  async loadOlder(): Promise<boolean> {
    if (this.#loadingOlder || this.#before === undefined) return false;
    this.#loadingOlder = true;
    try {
      const page = await api.messages({ ...this.#query(), before: this.#before, limit: PAGE });
      this.messages = [...page.messages, ...this.messages];
      this.#before = page.before;
      if (this.messages.length > MAX_HELD) {
        this.messages.length = MAX_HELD;
        this.hasEnd = false;
      }
      return true;
    } catch {
      return false; // scrolling on tries again
    } finally {
      this.#loadingOlder = false;
    }
  }

  /** Lets go of the oldest while the person reads the newest. */
  trim(): void {
    if (!this.hasEnd || this.messages.length <= MAX_AT_END) return;
    this.messages = this.messages.slice(-MAX_AT_END / 2);
    this.#before = this.messages[0]?.id;
  }

  /** Takes a new or changed message in. Returns whether it belongs here. */
  take(message: Message): boolean {
    if (!this.#isOf(message)) return false;
    this.conversationId ??= message.conversationId;
    if (message.parentId !== this.parentId) return this.#countReply(message);
    const at = this.messages.findIndex(({ id }) => id === message.id);
    if (at >= 0) {
      this.messages[at] = keepingMine(message, this.messages[at]!);
      return true;
    }
    const last = this.messages.at(-1);
    const isNewer = !last || compare(message.id, last.id) > 0;
    // A change of a message that is not held, because it is older or was let go.
    if (!isNewer || !this.hasEnd) return isNewer;
    this.messages.push(message);
    return true;
  }

  /** Puts a message in place of the one held, as it is. */
  replace(message: Message): void {
    const at = this.messages.findIndex(({ id }) => id === message.id);
    if (at >= 0) this.messages[at] = message;
  }

  #countReply(reply: Message): boolean {
    const at = this.messages.findIndex(({ id }) => id === reply.parentId);
    const parent = this.messages[at];
    if (!parent || reply.updatedAt !== reply.sentAt || this.#counted.has(reply.id)) return false;
    this.#counted.add(reply.id);
    this.messages[at] = { ...parent, replyCount: (parent.replyCount ?? 0) + 1 };
    return true;
  }

  /** Replies that events have told of: the parent is not sent again because of them. */
  readonly #counted = new Set<string>();

  #isOf(message: Message): boolean {
    const { receiverType, receiver } = this.chat;
    if (message.receiverType !== receiverType) return false;
    if (receiverType === "group") return message.receiver === receiver;
    const { sender, receiver: to } = message;
    return (sender === this.me && to === receiver) || (sender === receiver && to === this.me);
  }

  #query() {
    return { person: this.me, ...this.chat, ...(this.parentId !== undefined && { parentId: this.parentId }) };
  }
}

/** Ids are decimal numbers that may be longer than what a number holds. */
export function compare(one: string, other: string): number {
  return one.length - other.length || (one < other ? -1 : one > other ? 1 : 0);
}

/** Events are sent to everyone alike, so they cannot say which reactions are the person's own; what was known before can. */
function keepingMine(message: Message, former: Message): Message {
  const { reactions } = message.data;
  if (!reactions) return message;
  const mine = new Set(former.data.reactions?.filter((one) => one.reactedByMe).map(({ reaction }) => reaction));
  const marked = reactions.map((one) => ({ ...one, reactedByMe: one.reactedByMe || mine.has(one.reaction) }));
  return { ...message, data: { ...message.data, reactions: marked } };
}
