/** `/groups`: create, list, get, update, delete [D] S7. */

import type { App } from "../app.ts";
import type { JsonObject } from "../cometchat.ts";
import { CometChatError, invalid } from "../errors.ts";
import { showGroup } from "../render.ts";
import {
  newId,
  oneOf,
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
import type { GroupRecord } from "../world.ts";
import { addMembers } from "./members.ts";
import type { Route } from "./router.ts";
import { paginate } from "./router.ts";

const TYPES = ["public", "password", "private"] as const;

export const groupRoutes: Route[] = [
  {
    method: "POST",
    path: "/groups",
    operation: "createGroup",
    core: true,
    run({ app, body, onBehalfOf }) {
      const guid = newId(body, "guid", 100);
      const name = requiredText(body, "name", 100);
      const type = oneOf(body, "type", TYPES);
      if (!type) throw invalid("type", "The type field is required.");
      const properties = readProperties(app, body);
      if (type === "password" && !properties.password) throw invalid("password", "The password field is required.");
      if (app.world.groups.has(guid)) throw new CometChatError("ERR_GUID_ALREADY_EXISTS");
      const now = app.now();
      const owner = properties.owner ?? onBehalfOf;
      const group: GroupRecord = { guid, name, type, ...properties, members: new Map(), banned: new Map(), createdAt: now };
      if (owner !== undefined) {
        group.owner = owner;
        group.members.set(owner, { scope: "admin", joinedAt: now });
      }
      app.world.groups.set(guid, group);
      app.tell({ kind: "world", trigger: "group_created", data: () => ({ group: showGroup(group) }) });
      const members = optionalObject(body, "members");
      if (members) addMembers(app, group, members, onBehalfOf);
      return { data: showGroup(group, onBehalfOf ?? group.owner) };
    },
  },
  {
    method: "GET",
    path: "/groups",
    operation: "listGroups",
    run({ app, query, onBehalfOf }) {
      const page = queryNumber(query, "page", { default: 1, minimum: 1, maximum: 1_000_000 });
      const perPage = queryNumber(query, "perPage", { default: 100, minimum: 1, maximum: 1000 });
      return paginate(listGroups(app, query, onBehalfOf), page, perPage, (group) => showGroup(group, onBehalfOf));
    },
  },
  {
    method: "GET",
    path: "/groups/{guid}",
    operation: "getGroup",
    run({ app, params, onBehalfOf }) {
      return { data: showGroup(app.world.group(params["guid"]!), onBehalfOf) };
    },
  },
  {
    method: "PUT",
    path: "/groups/{guid}",
    operation: "updateGroup",
    run({ app, params, body, onBehalfOf }) {
      const group = app.world.group(params["guid"]!);
      requireAdmin(group, onBehalfOf);
      const name = optionalText(body, "name", 100);
      const type = oneOf(body, "type", TYPES);
      const properties = readProperties(app, body);
      const unset = optionalList(body, "unset", 10) ?? [];
      Object.assign(group, properties, name !== undefined && { name }, type && { type }, { updatedAt: app.now() });
      for (const field of ["icon", "description", "metadata"] as const) {
        if (unset.includes(field)) delete group[field];
      }
      app.tell({ kind: "world", trigger: "group_updated", data: () => ({ group: showGroup(group) }) });
      return { data: showGroup(group, onBehalfOf) };
    },
  },
  {
    method: "DELETE",
    path: "/groups/{guid}",
    operation: "deleteGroup",
    core: true,
    run({ app, params, onBehalfOf }) {
      const group = app.world.group(params["guid"]!);
      requireAdmin(group, onBehalfOf);
      app.world.groups.delete(group.guid);
      app.tell({ kind: "world", trigger: "group_deleted", data: () => ({ group: showGroup(group) }) });
      return { data: { success: true, message: `Group with guid ${group.guid} has been deleted successfully.` } };
    },
  },
];

function readProperties(app: App, body: JsonObject): Partial<GroupRecord> {
  const properties: Partial<GroupRecord> = {};
  const password = optionalText(body, "password", 100);
  const icon = optionalUrl(body, "icon", 3000);
  const description = optionalText(body, "description", 3000);
  const metadata = optionalObject(body, "metadata");
  const owner = optionalText(body, "owner", 100);
  const tags = optionalTags(body);
  if (password !== undefined) properties.password = password;
  if (icon !== undefined) properties.icon = icon;
  if (description !== undefined) properties.description = description;
  if (metadata) properties.metadata = metadata;
  if (owner) properties.owner = app.world.user(owner).uid;
  if (tags) properties.tags = tags;
  return properties;
}

function listGroups(app: App, query: URLSearchParams, uid: string | undefined): GroupRecord[] {
  const searchKey = query.get("searchKey")?.toLowerCase() ?? "";
  const types = [...queryList(query, "types"), ...queryList(query, "type")];
  const tags = queryList(query, "tags");
  const joined = queryFlag(query, "hasJoined");
  return [...app.world.groups.values()].filter((group) => {
    const member = uid !== undefined && group.members.has(uid);
    if (joined && !member) return false;
    // A private group is seen by its members only.
    if (uid !== undefined && group.type === "private" && !member) return false;
    if (types.length > 0 && !types.includes(group.type)) return false;
    if (tags.length > 0 && !tags.some((tag) => group.tags?.includes(tag))) return false;
    return group.guid.includes(searchKey) || group.name.toLowerCase().includes(searchKey);
  });
}

function requireAdmin(group: GroupRecord, uid: string | undefined): void {
  if (uid === undefined) return;
  const member = group.members.get(uid);
  if (!member) throw new CometChatError("ERR_NOT_A_MEMBER");
  if (member.scope !== "admin") throw new CometChatError("ERR_GROUP_NO_SCOPE_CLEARANCE");
}
