/**
 * All messages, indexed by id, conversation, thread and muid, within a bound: when it is reached, the oldest go.
 * Users and groups are kept by id only and looked up when a message is shown, so a stored message is small.
 */

import type { JsonObject, ReceiverType } from "./cometchat.ts";

/** Where a message was sent from, as the envelope of a callback tells it. */
export interface Origin {
  platform: string;
  language?: string;
  resource?: string;
}

/** Of an action message: what was done, by whom, to whom or what. */
export interface Action {
  action: string;
  by: string;
  on: { user: string } | { message: StoredMessage };
  /** Of a changed scope: the old and the new one. */
  extras?: JsonObject;
}

/** One user's reaction to a message. */
export interface Reaction {
  id: string;
  uid: string;
  reactedAt: number;
}

export interface StoredMessage {
  id: number;
  muid?: string;
  conversation: Conversation;
  /** How many messages the sender had in this conversation before. Part of the message's identity for faults. */
  ordinal: number;
  sender: string;
  receiverType: ReceiverType;
  receiver: string;
  category: string;
  type: string;
  parentId?: number;
  /** As it was sent: without entities, mentions and reactions. */
  data: JsonObject;
  mentions: string[];
  action?: Action;
  reactions?: Map<string, Reaction[]>;
  interactions?: Map<string, string[]>;
  replies?: StoredMessage[];
  tags?: string[];
  origin: Origin;
  sentAt: number;
  updatedAt: number;
  editedAt?: number;
  editedBy?: string;
  deletedAt?: number;
  deletedBy?: string;
}

/** How far someone has received and read a conversation: ids of messages, and the seconds when. */
export interface Receipt {
  deliveredId: number;
  deliveredAt: number;
  readId: number;
  readAt: number;
}

export interface Conversation {
  id: string;
  type: ReceiverType;
  /** Of a group: the GUID alone. Of two users: both UIDs. */
  parties: readonly string[];
  messages: MessageQueue;
  unread: Map<string, number>;
  receipts: Map<string, Receipt>;
  /** Messages said so far, by UID. */
  said: Map<string, number>;
  tags?: string[];
  createdAt: number;
}

/** Messages in the order of their ids. Cheap at both ends, found by binary search. */
export class MessageQueue {
  #items: (StoredMessage | undefined)[] = [];
  #head = 0;

  get length(): number {
    return this.#items.length - this.#head;
  }

  get first(): StoredMessage | undefined {
    return this.#items[this.#head];
  }

  get last(): StoredMessage | undefined {
    return this.#items.at(-1);
  }

  push(message: StoredMessage): void {
    this.#items.push(message);
  }

  shift(): StoredMessage | undefined {
    const message = this.first;
    if (message === undefined) return undefined;
    this.#items[this.#head] = undefined;
    this.#head += 1;
    if (this.#head > 64 && this.#head * 2 > this.#items.length) {
      this.#items = this.#items.slice(this.#head);
      this.#head = 0;
    }
    return message;
  }

  remove(id: number): void {
    const index = this.#lowerBound(id);
    if (this.#items[index]?.id === id) this.#items.splice(index, 1);
  }

  /** Messages with a larger id, the oldest first. */
  *after(id: number): Generator<StoredMessage> {
    for (let index = this.#lowerBound(id + 1); index < this.#items.length; index += 1) yield this.#items[index]!;
  }

  /** Messages with a smaller id, the newest first. */
  *before(id: number): Generator<StoredMessage> {
    for (let index = this.#lowerBound(id) - 1; index >= this.#head; index -= 1) yield this.#items[index]!;
  }

  /** Index of the first message whose id is at least this. */
  #lowerBound(id: number): number {
    let low = this.#head;
    let high = this.#items.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (this.#items[middle]!.id < id) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}

/** What the store adds to a message itself. */
type Added = "id" | "conversation" | "ordinal";

export class MessageStore {
  readonly conversations = new Map<string, Conversation>();
  readonly all = new MessageQueue();
  readonly limit: number;
  dropped = 0;
  #byId = new Map<number, StoredMessage>();
  #byMuid = new Map<string, StoredMessage>();
  #conversationsOf = new Map<string, Set<Conversation>>();
  #nextId: number;

  /** Ids start with `firstId`; at most `limit` messages are kept. */
  constructor(firstId: number, limit: number) {
    this.#nextId = firstId;
    this.limit = limit;
  }

  /** Forget everything but which id comes next: a bot that remembers old ids must not take new messages for them. */
  clear(): MessageStore {
    return new MessageStore(this.#nextId, this.limit);
  }

  add(conversationId: string, parties: readonly string[], message: Omit<StoredMessage, Added>): StoredMessage {
    const conversation = this.#conversation(conversationId, message.receiverType, parties, message.sentAt);
    const ordinal = conversation.said.get(message.sender) ?? 0;
    conversation.said.set(message.sender, ordinal + 1);
    const stored: StoredMessage = { id: this.#nextId, conversation, ordinal, ...message };
    this.#nextId += 1;
    conversation.messages.push(stored);
    this.all.push(stored);
    this.#byId.set(stored.id, stored);
    if (stored.muid !== undefined) this.#byMuid.set(muidKey(stored.sender, stored.muid), stored);
    if (stored.parentId !== undefined) {
      const parent = this.#byId.get(stored.parentId);
      if (parent) (parent.replies ??= []).push(stored);
    }
    while (this.all.length > this.limit) this.#drop();
    return stored;
  }

  get(id: number): StoredMessage | undefined {
    return this.#byId.get(id);
  }

  /** The latest message of this sender with this muid. */
  withMuid(sender: string, muid: string): StoredMessage | undefined {
    return this.#byMuid.get(muidKey(sender, muid));
  }

  /** The 1:1 conversations of a user. */
  conversationsOf(uid: string): Iterable<Conversation> {
    return this.#conversationsOf.get(uid) ?? [];
  }

  /** For good: the message, and its place in its thread. Replies to it stay. */
  remove(message: StoredMessage): void {
    this.all.remove(message.id);
    message.conversation.messages.remove(message.id);
    this.#forget(message);
  }

  /** A whole conversation, with its messages. */
  removeConversation(conversation: Conversation): void {
    for (const message of [...conversation.messages.after(0)]) this.remove(message);
  }

  #drop(): void {
    const oldest = this.all.shift();
    if (!oldest) return;
    oldest.conversation.messages.shift();
    this.#forget(oldest);
    this.dropped += 1;
  }

  #forget(message: StoredMessage): void {
    this.#byId.delete(message.id);
    if (message.muid !== undefined && this.withMuid(message.sender, message.muid) === message) {
      this.#byMuid.delete(muidKey(message.sender, message.muid));
    }
    const siblings = message.parentId === undefined ? undefined : this.#byId.get(message.parentId)?.replies;
    if (siblings) siblings.splice(siblings.indexOf(message), 1);
    const { conversation } = message;
    if (conversation.messages.length > 0) return;
    this.conversations.delete(conversation.id);
    for (const party of conversation.parties) this.#conversationsOf.get(party)?.delete(conversation);
  }

  #conversation(id: string, type: ReceiverType, parties: readonly string[], now: number): Conversation {
    const existing = this.conversations.get(id);
    if (existing) return existing;
    const conversation: Conversation = {
      id,
      type,
      parties,
      messages: new MessageQueue(),
      unread: new Map(),
      receipts: new Map(),
      said: new Map(),
      createdAt: now,
    };
    this.conversations.set(id, conversation);
    if (type === "user") {
      for (const party of parties) {
        const conversations = this.#conversationsOf.get(party) ?? new Set();
        this.#conversationsOf.set(party, conversations.add(conversation));
      }
    }
    return conversation;
  }
}

function muidKey(sender: string, muid: string): string {
  return `${sender} ${muid}`;
}
