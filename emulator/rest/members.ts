/** Members of groups: add, list, kick, scope, ban [D] S7, S43. */

import type { App } from "../app.ts";
import type { JsonObject, Scope } from "../cometchat.ts";
import { CometChatError, invalid } from "../errors.ts";
import { addMember, banMember, changeScope, kickMember, unbanMember } from "../membership.ts";
import { showMembers, showMessage, showUser } from "../render.ts";
import { oneOf, optionalList, queryList, queryNumber } from "../validate.ts";
import type { GroupRecord } from "../world.ts";
import { SYSTEM_UID } from "../world.ts";
import type { Call, Reply, Route } from "./router.ts";
import { paginate } from "./router.ts";

/** Users of one call that adds members [D] S43. */
const MAX_ADDED = 25;

/** In the order of precedence: a UID in several lists counts in the first [D] S43. */
const LISTS = { admins: "admin", moderators: "moderator", participants: "participant" } as const;

export const memberRoutes: Route[] = [
  {
    method: "POST",
    path: "/groups/{guid}/members",
    operation: "addMembers",
    core: true,
    run({ app, params, body, onBehalfOf }) {
      return { data: addMembers(app, app.world.group(params["guid"]!), body, onBehalfOf) };
    },
  },
  {
    method: "GET",
    path: "/groups/{guid}/members",
    operation: "listMembers",
    run({ app, params, query }) {
      const scopes = queryList(query, "scopes");
      const status = query.get("status");
      const members = showMembers(app, app.world.group(params["guid"]!)).filter(
        (member) => (scopes.length === 0 || scopes.includes(member.scope)) && (!status || member.status === status),
      );
      return page(query, members);
    },
  },
  {
    method: "PUT",
    path: "/groups/{guid}/members/{uid}",
    operation: "changeScope",
    run(call) {
      const { app, body } = call;
      const { group, uid, by } = about(call);
      const scope: Scope | undefined = oneOf(body, "scope", ["admin", "moderator", "participant"] as const);
      if (!scope) throw invalid("scope", "The scope field is required.");
      changeScope(app, group, uid, scope, by);
      return { data: { guid: group.guid, uid, scope, joinedAt: group.members.get(uid)?.joinedAt } };
    },
  },
  {
    method: "DELETE",
    path: "/groups/{guid}/members/{uid}",
    operation: "kickMember",
    core: true,
    run(call) {
      const { group, uid, by } = about(call);
      kickMember(call.app, group, uid, by);
      return done(`The member with ${uid} has been kicked from the Group with ${group.guid}.`);
    },
  },
  {
    method: "POST",
    path: "/groups/{guid}/bannedusers/{uid}",
    operation: "banMember",
    run(call) {
      const { group, uid, by } = about(call);
      banMember(call.app, group, uid, by);
      return done(`The user with uid ${uid} has been banned from the Group with ${group.guid}.`);
    },
  },
  {
    method: "DELETE",
    path: "/groups/{guid}/bannedusers/{uid}",
    operation: "unbanMember",
    run(call) {
      const { group, uid, by } = about(call);
      unbanMember(call.app, group, uid, by);
      return done(`The user with uid ${uid} has been unbanned from the Group with ${group.guid}.`);
    },
  },
  {
    method: "GET",
    path: "/groups/{guid}/bannedusers",
    operation: "listBannedMembers",
    run({ app, params, query }) {
      const banned = [...app.world.group(params["guid"]!).banned.keys()];
      const users = banned.map((uid) => app.world.users.get(uid)).filter((user) => user !== undefined);
      return page(query, users.map((user) => ({ ...showUser(user), isBanned: true })));
    },
  },
];

/** What the lists of a body say about each user, one by one: 200 even if some fail [D] S43. */
export function addMembers(app: App, group: GroupRecord, body: JsonObject, onBehalfOf: string | undefined): JsonObject {
  const by = onBehalfOf ?? SYSTEM_UID;
  const names = ["usersToBan", ...Object.keys(LISTS)] as const;
  const lists = names.map((name) => [name, optionalList(body, name, MAX_ADDED) ?? []] as const);
  if (lists.reduce((count, [, uids]) => count + uids.length, 0) > MAX_ADDED) {
    throw new CometChatError("ERR_BAD_REQUEST", `A call may add at most ${MAX_ADDED} users.`);
  }
  const results: Record<string, Record<string, unknown>> = {};
  const seen = new Set<string>();
  for (const [name, uids] of lists) {
    for (const given of uids) {
      const uid = given.toLowerCase();
      if (seen.has(uid)) continue;
      seen.add(uid);
      const scope = LISTS[name as keyof typeof LISTS];
      (results[name] ??= {})[uid] = attempt(() => {
        if (scope === undefined) return banMember(app, group, uid, by);
        return showMessage(app, addMember(app, group, uid, scope, by), { audience: "rest", uid: onBehalfOf });
      });
    }
  }
  return results as JsonObject;
}

function attempt(act: () => object | void): object {
  try {
    const data = act();
    return data ? { success: true, data } : { success: true };
  } catch (error) {
    if (error instanceof CometChatError) return { success: false, ...error.body() };
    throw error;
  }
}

function about({ app, params, onBehalfOf }: Call): { group: GroupRecord; uid: string; by: string } {
  return { group: app.world.group(params["guid"]!), uid: params["uid"]!.toLowerCase(), by: onBehalfOf ?? SYSTEM_UID };
}

function page(query: URLSearchParams, items: unknown[]): Reply {
  const number = queryNumber(query, "page", { default: 1, minimum: 1, maximum: 1_000_000 });
  return paginate(items, number, queryNumber(query, "perPage", { default: 100, minimum: 1, maximum: 1000 }), (item) => item);
}

function done(message: string): Reply {
  return { data: { success: true, message } };
}
