/**
 * CometChat's own objects, as its REST API, callbacks and webhooks show them.
 * Every name is CometChat's. Timestamps are UNIX seconds, ids are decimal strings.
 */

/** What an object of the REST API or a message's `data` may hold besides the keys that are known here. */
export type Json = null | boolean | number | string | Json[] | { [key: string]: Json };

/** A JSON object. */
export type JsonObject = { [key: string]: Json };

/** A user. Bots are users too: a bot is attached to one and speaks under its UID. */
export interface User {
  /** Lower case, at most 100 of `a-z 0-9 - _`. */
  uid: string;
  name: string;
  avatar?: string;
  link?: string;
  /** `default` unless another one was given. */
  role: string;
  status: "available" | "offline";
  statusMessage?: string;
  metadata?: JsonObject;
  tags?: string[];
  lastActiveAt?: number;
  createdAt: number;
  updatedAt?: number;
  deactivatedAt?: number;
}

/** Which group messages CometChat relays to a bot. */
export type GroupChatSetting = "allMessages" | "slashedMessages" | "mentionedMessages" | "none";

/**
 * A bot as `GET /bots/{uid}` answers it: properties that are empty or false are left out,
 * and the password comes in clear.
 */
export interface Bot {
  uid: string;
  webhookURL: string;
  groupChatSetting: GroupChatSetting;
  useBasicAuth?: true;
  username?: string;
  password?: string;
  enabled?: true;
  isAIBot?: true;
  createdAt: number;
  updatedAt?: number;
}

/** What a member may do in a group. */
export type Scope = "admin" | "moderator" | "participant";

/** Who may join a group. */
export type GroupType = "public" | "password" | "private";

/** A group. `scope`, `joinedAt` and `hasJoined` are those of the user on whose behalf it was asked for. */
export interface Group {
  guid: string;
  name: string;
  type: GroupType;
  icon?: string;
  description?: string;
  metadata?: JsonObject;
  tags?: string[];
  owner?: string;
  membersCount: number;
  onlineMembersCount?: number;
  conversationId: string;
  scope?: Scope;
  joinedAt?: number;
  hasJoined?: boolean;
  createdAt: number;
  updatedAt?: number;
}

/** A member of a group: the user, with what it may do there. */
export interface Member extends User {
  scope: Scope;
  joinedAt: number;
}

/** A message is addressed to a user or to a group. */
export type ReceiverType = "user" | "group";

/** A user, group or message that a message's `data.entities` refers to. */
export interface Entity {
  entity: JsonObject;
  entityType: "user" | "group" | "message";
}

/** One line of a message's `data.reactions`. */
export interface ReactionCount {
  reaction: string;
  count: number;
  reactedByMe: boolean;
}

/** A file of a message of type image, file, audio or video. */
export interface Attachment {
  url: string;
  name?: string;
  mimeType?: string;
  extension?: string;
  /** Bytes. The specification declares a string. */
  size?: string | number;
}

/** The `data` of a message. Other keys than these are kept as they came. */
export interface MessageData {
  text?: string;
  attachments?: Attachment[];
  customData?: JsonObject;
  metadata?: JsonObject;
  /** Users whom the text mentions with `<@uid:UID>`, by UID. */
  mentions?: Record<string, JsonObject>;
  reactions?: ReactionCount[];
  /** Of an action message: `edited`, `deleted`, `added`, `joined`, `left`, `kicked`, … */
  action?: string;
  entities?: {
    sender?: Entity;
    receiver?: Entity;
    by?: Entity;
    on?: Entity;
    for?: Entity;
  };
  [key: string]: unknown;
}

/** A message as the REST API, the histories and the callbacks show it. */
export interface Message {
  /** A decimal number that grows over the whole app, as a string. */
  id: string;
  /** The id that the client chose. Which answers carry it is a switch: `restMuid`, `callbackMuid`. */
  muid?: string;
  /** Opaque: not to be taken apart. */
  conversationId: string;
  sender: string;
  receiverType: ReceiverType;
  receiver: string;
  /** `message`, `custom`, `interactive`, `action` or `call`. */
  category: string;
  /** `text`, `image`, `file`, `audio`, `video`, or what the category allows. */
  type: string;
  /** Of a reply in a thread: the id of the message that it hangs under. */
  parentId?: string;
  /** Number of replies in the thread under this message. */
  replyCount?: number;
  data: MessageData;
  tags?: string[];
  sentAt: number;
  updatedAt: number;
  deliveredAt?: number;
  readAt?: number;
  editedAt?: number;
  editedBy?: string;
  deletedAt?: number;
  deletedBy?: string;
}

/** The body of every error of the REST API. */
export interface ErrorBody {
  error: {
    code: string;
    message: string;
    /** Only of validation errors: what is wrong, by field; nested fields use dotted keys such as `tags.0`. */
    details?: Record<string, string[]>;
  };
}
