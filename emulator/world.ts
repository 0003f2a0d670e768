/** Who there is: users, bots, groups and their members. Plain state with lookups; who may change what is decided elsewhere. */

import type { Bot, GroupChatSetting, GroupType, JsonObject, Scope, User } from "./cometchat.ts";
import { CometChatError } from "./errors.ts";

/** The sender of what is sent on nobody's behalf [OBS] S32, [D] S6. Not a user that can be looked up. */
export const SYSTEM_UID = "app_system";

/** A user with what the API never shows. */
export interface UserRecord extends User {
  /** Order of creation. Decides which UID comes first in a conversation id. */
  serial: number;
  authTokens: AuthToken[];
  /** UIDs that this user has blocked, with the second when. */
  blocked: Map<string, number>;
}

/** A token that a client SDK logs in with. */
export interface AuthToken {
  uid: string;
  authToken: string;
  createdAt: number;
}

/** A bot with all its properties, the false ones too. */
export interface BotRecord {
  uid: string;
  webhookURL: string;
  groupChatSetting: GroupChatSetting;
  useBasicAuth: boolean;
  username?: string;
  password?: string;
  enabled: boolean;
  createdAt: number;
  updatedAt?: number;
}

/** What ties a user to a group. */
export interface MemberRecord {
  scope: Scope;
  joinedAt: number;
}

/** A group with its members and the banned. */
export interface GroupRecord {
  guid: string;
  name: string;
  type: GroupType;
  password?: string;
  icon?: string;
  description?: string;
  metadata?: JsonObject;
  tags?: string[];
  owner?: string;
  members: Map<string, MemberRecord>;
  banned: Map<string, number>;
  createdAt: number;
  updatedAt?: number;
}

/** The world a fresh emulator starts with. */
export interface Seed {
  users: { uid: string; name: string; avatar?: string; role?: string; metadata?: JsonObject; tags?: string[] }[];
  /** Of a bot: the properties of `POST /bots`. Its user is among `users`. */
  bots: (Pick<Bot, "uid" | "webhookURL"> & { [Key in "groupChatSetting" | "username" | "password"]?: Bot[Key] } & {
    useBasicAuth?: boolean;
    enabled?: boolean;
  })[];
  /** `members` by UID; an `owner` is an admin. */
  groups: { guid: string; name: string; type?: GroupType; owner?: string; icon?: string; members: Record<string, Scope> }[];
}

/** The users, bots and groups of one app. */
export class World {
  readonly users = new Map<string, UserRecord>();
  readonly bots = new Map<string, BotRecord>();
  readonly groups = new Map<string, GroupRecord>();
  readonly roles = new Set(["default"]);
  #serial = 0;

  constructor(seed: Seed, now: number) {
    this.add(seed, now);
  }

  /** Adds users, bots and groups. @throws Error when a bot has no user */
  add(seed: Partial<Seed>, now: number): void {
    for (const user of seed.users ?? []) {
      if (user.role) this.roles.add(user.role);
      const record = this.addUser({ ...user, role: user.role ?? "default", createdAt: now });
      record.status = "available";
    }
    for (const bot of seed.bots ?? []) {
      const user = this.users.get(bot.uid);
      if (!user) throw new Error(`The bot ${bot.uid} of the seed has no user.`);
      user.status = "offline";
      this.bots.set(bot.uid, { groupChatSetting: "none", useBasicAuth: false, enabled: false, ...bot, createdAt: now });
    }
    for (const { members, type = "public", ...group } of seed.groups ?? []) {
      const record: GroupRecord = { ...group, type, members: new Map(), banned: new Map(), createdAt: now };
      for (const [uid, scope] of Object.entries(members)) record.members.set(uid, { scope, joinedAt: now });
      this.groups.set(group.guid, record);
    }
  }

  /** Keys of CometChat's user only; the caller has checked that the UID is free. */
  addUser(user: Omit<User, "status">): UserRecord {
    this.#serial += 1;
    const record: UserRecord = { ...user, status: "offline", serial: this.#serial, authTokens: [], blocked: new Map() };
    this.users.set(user.uid, record);
    return record;
  }

  /** A user that exists and is not deactivated. UIDs are lower-cased before they are looked up [OBS] S34. */
  user(uid: string): UserRecord {
    const user = this.users.get(uid.toLowerCase());
    if (user && user.deactivatedAt === undefined) return user;
    throw new CometChatError("ERR_UID_NOT_FOUND", `The user with UID ${uid.toLowerCase()} does not exist or is deactivated.`);
  }

  bot(uid: string): BotRecord {
    const bot = this.bots.get(uid.toLowerCase());
    if (bot) return bot;
    throw new CometChatError("ERR_BOT_NOT_FOUND", `No bot is attached to the UID ${uid.toLowerCase()}.`);
  }

  /** GUIDs are forced to lower case as UIDs are. */
  group(guid: string): GroupRecord {
    const group = this.groups.get(guid.toLowerCase());
    if (group) return group;
    throw new CometChatError("ERR_GUID_NOT_FOUND", `The group with GUID ${guid.toLowerCase()} does not exist.`);
  }
}

/** Opaque to clients; the form is that of every published payload [D] S17, S21. */
export function groupConversationId(guid: string): string {
  return `group_${guid}`;
}

/**
 * Opaque to clients. Which UID comes first is not documented; samples rule out "alphabetical" and "the sender first",
 * and agree with "the older user first" [INF].
 */
export function userConversationId(world: World, one: string, other: string): string {
  const serialOf = (uid: string) => world.users.get(uid)?.serial ?? 0;
  const [first, second] = serialOf(one) <= serialOf(other) ? [one, other] : [other, one];
  return `${first}_user_${second}`;
}
