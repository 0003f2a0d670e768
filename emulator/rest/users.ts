/** `/users`: create, list, get, update, delete, deactivate, reactivate [D] S6, S7, S42; [OBS] S34. */

import type { App } from "../app.ts";
import type { JsonObject, User } from "../cometchat.ts";
import { CometChatError } from "../errors.ts";
import { showUser } from "../render.ts";
import {
  newId,
  optionalFlag,
  optionalList,
  optionalObject,
  optionalTags,
  optionalText,
  optionalUrl,
  queryFlag,
  queryList,
  queryNumber,
  requiredText,
} from "../validate.ts";
import type { UserRecord } from "../world.ts";
import { newAuthToken } from "./auth-tokens.ts";
import type { Reply, Route } from "./router.ts";
import { paginate } from "./router.ts";

/** Users that one bulk call may name. The real limit is not documented [U]. */
const MAX_BULK = 1000;

export const userRoutes: Route[] = [
  {
    method: "POST",
    path: "/users",
    operation: "createUser",
    core: true,
    authOnly: true,
    run({ app, body }) {
      const uid = newId(body, "uid", 100);
      const name = requiredText(body, "name", 100);
      const properties = readProperties(app, body);
      if (app.world.users.has(uid)) throw new CometChatError("ERR_UID_ALREADY_EXISTS");
      const user = app.world.addUser({ uid, name, role: "default", ...properties, createdAt: app.now() });
      app.tell({ kind: "world" });
      const token = optionalFlag(body, "withAuthToken") ? { authToken: newAuthToken(app, user).authToken } : {};
      return { data: { ...showUser(user), ...token } };
    },
  },
  {
    method: "GET",
    path: "/users",
    operation: "listUsers",
    run({ app, query }) {
      const page = queryNumber(query, "page", { default: 1, minimum: 1, maximum: 1_000_000 });
      const perPage = queryNumber(query, "perPage", { default: 100, minimum: 1, maximum: 1000 });
      return paginate(listUsers(app, query), page, perPage, showUser);
    },
  },
  {
    method: "PUT",
    path: "/users",
    operation: "reactivateUsers",
    run({ app, body }) {
      const result = eachUser(app, optionalList(body, "uidsToActivate", MAX_BULK) ?? [], (user) => {
        if (user.deactivatedAt === undefined) return "alreadyActivatedUids";
        delete user.deactivatedAt;
        return "activatedUids";
      });
      app.tell({ kind: "world" });
      return result;
    },
  },
  {
    method: "DELETE",
    path: "/users",
    operation: "deactivateUsers",
    core: true,
    run({ app, body }) {
      const result = eachUser(app, optionalList(body, "uidsToDeactivate", MAX_BULK) ?? [], (user) => deactivate(app, user));
      app.tell({ kind: "world" });
      return result;
    },
  },
  {
    method: "GET",
    path: "/users/{uid}",
    operation: "getUser",
    run({ app, params, onBehalfOf }) {
      const user = showUser(app.world.user(params["uid"]!));
      return { data: onBehalfOf === undefined || onBehalfOf === user.uid ? user : withoutPrivate(user) };
    },
  },
  {
    method: "PUT",
    path: "/users/{uid}",
    operation: "updateUser",
    run({ app, params, body }) {
      const user = app.world.user(params["uid"]!);
      const name = optionalText(body, "name", 100);
      const properties = readProperties(app, body);
      const unset = optionalList(body, "unset", 10) ?? [];
      Object.assign(user, properties, name !== undefined && { name }, { updatedAt: app.now() });
      for (const field of ["avatar", "link", "metadata"] as const) {
        if (unset.includes(field)) delete user[field];
      }
      app.tell({ kind: "world" });
      return { data: showUser(user) };
    },
  },
  {
    method: "DELETE",
    path: "/users/{uid}",
    operation: "deleteUser",
    core: true,
    run({ app, params, body }) {
      const user = app.world.user(params["uid"]!);
      if (!optionalFlag(body, "permanent")) {
        deactivate(app, user);
        app.tell({ kind: "world" });
        return { data: { deactivatedUids: [user.uid] } };
      }
      app.world.users.delete(user.uid);
      app.world.bots.delete(user.uid);
      for (const group of app.world.groups.values()) group.members.delete(user.uid);
      app.tell({ kind: "world" });
      return { data: { success: true, message: `User with ${user.uid} has been deleted successfully.` } };
    },
  },
];

/** What a body may say of a user besides UID and name. Metadata: 5 KB [D] S25. */
function readProperties(app: App, body: JsonObject): Partial<User> {
  const properties: Partial<User> = {};
  const avatar = optionalUrl(body, "avatar", 3000);
  const link = optionalUrl(body, "link", 3000);
  const role = optionalText(body, "role", 100);
  const statusMessage = optionalText(body, "statusMessage", 1000);
  const metadata = optionalObject(body, "metadata");
  const tags = optionalTags(body);
  if (role && !app.world.roles.has(role)) throw new CometChatError("ERR_ROLE_NOT_FOUND", `The role ${role} does not exist.`);
  if (metadata && Buffer.byteLength(JSON.stringify(metadata)) > 5 * 1024) {
    throw new CometChatError("ERR_BAD_REQUEST", undefined, { metadata: ["The metadata may not be greater than 5 KB."] });
  }
  if (avatar !== undefined) properties.avatar = avatar;
  if (link !== undefined) properties.link = link;
  if (role) properties.role = role;
  if (statusMessage !== undefined) properties.statusMessage = statusMessage;
  if (metadata) properties.metadata = metadata;
  if (tags) properties.tags = tags;
  return properties;
}

function listUsers(app: App, query: URLSearchParams): UserRecord[] {
  const searchKey = query.get("searchKey")?.toLowerCase() ?? "";
  const status = query.get("status");
  const roles = [...queryList(query, "roles"), ...queryList(query, "role")];
  const tags = queryList(query, "tags");
  const only = queryFlag(query, "onlyDeactivated");
  const deactivatedToo = queryFlag(query, "withDeactivated") || only;
  return [...app.world.users.values()].filter((user) => {
    const deactivated = user.deactivatedAt !== undefined;
    if ((deactivated && !deactivatedToo) || (!deactivated && only)) return false;
    if (status && user.status !== status) return false;
    if (roles.length > 0 && !roles.includes(user.role)) return false;
    if (tags.length > 0 && !tags.some((tag) => user.tags?.includes(tag))) return false;
    return user.uid.includes(searchKey) || user.name.toLowerCase().includes(searchKey);
  });
}

/** 200 with a list for every outcome, also for UIDs that do not exist [OBS] S34. */
function eachUser(app: App, uids: string[], act: (user: UserRecord) => string): Reply {
  const lists: Record<string, string[]> = {};
  for (const uid of uids) {
    const user = app.world.users.get(uid.toLowerCase());
    (lists[user ? act(user) : "notFound"] ??= []).push(uid.toLowerCase());
  }
  return { data: lists };
}

function deactivate(app: App, user: UserRecord): string {
  if (user.deactivatedAt !== undefined) return "alreadyDeactivatedUids";
  user.deactivatedAt = app.now();
  return "deactivatedUids";
}

/** `@private` is for the app itself, not for other users [D] S6. */
function withoutPrivate(user: User): User {
  if (!user.metadata || !("@private" in user.metadata)) return user;
  const { "@private": _private, ...metadata } = user.metadata;
  return { ...user, metadata };
}
