/** Who joins and leaves a group, by whose hand. Each change is an action message in the group and a webhook event. */

import type { App, Change } from "./app.ts";
import type { Scope } from "./cometchat.ts";
import { CometChatError } from "./errors.ts";
import type { StoredMessage } from "./messages.ts";
import { showGroup, showUser } from "./render.ts";
import { sendAction } from "./sending.ts";
import type { GroupRecord } from "./world.ts";
import { SYSTEM_UID } from "./world.ts";

/** What was done to a member, in the words of action messages [D] S6. */
type MemberAction = "added" | "joined" | "left" | "kicked" | "banned" | "unbanned" | "scopeChanged";

const TRIGGERS: Record<MemberAction, string> = {
  added: "group_member_added",
  joined: "group_member_joined",
  left: "group_member_left",
  kicked: "group_member_kicked",
  banned: "group_member_banned",
  unbanned: "group_member_unbanned",
  scopeChanged: "group_member_scope_changed",
};

const RANK: Record<Scope, number> = { participant: 0, moderator: 1, admin: 2 };

/** A person who adds themselves joins. @throws CometChatError */
export function addMember(app: App, group: GroupRecord, uid: string, scope: Scope, by: string): StoredMessage {
  const user = app.world.user(uid);
  if (group.members.has(user.uid)) throw new CometChatError("ERR_ALREADY_JOINED");
  if (group.banned.has(user.uid)) throw new CometChatError("ERR_BANNED_GROUPMEMBER");
  group.members.set(user.uid, { scope, joinedAt: app.now() });
  return announce(app, group, by === user.uid ? "joined" : "added", user.uid, by);
}

/** A member who kicks themselves leaves. */
export function kickMember(app: App, group: GroupRecord, uid: string, by: string): void {
  requireMember(group, uid);
  requireRights(group, by, uid);
  group.members.delete(uid);
  announce(app, group, by === uid ? "left" : "kicked", uid, by);
}

/** The banned are no members, whether or not they were. */
export function banMember(app: App, group: GroupRecord, uid: string, by: string): void {
  const user = app.world.user(uid);
  requireRights(group, by, user.uid);
  group.members.delete(user.uid);
  group.banned.set(user.uid, app.now());
  announce(app, group, "banned", user.uid, by);
}

export function unbanMember(app: App, group: GroupRecord, uid: string, by: string): void {
  requireRights(group, by, uid);
  if (!group.banned.delete(uid)) throw new CometChatError("ERR_NOT_A_BANNED_USER");
  announce(app, group, "unbanned", uid, by);
}

export function changeScope(app: App, group: GroupRecord, uid: string, scope: Scope, by: string): void {
  const member = requireMember(group, uid);
  requireRights(group, by, uid);
  if (member.scope === scope) throw new CometChatError("ERR_SAME_SCOPE");
  const old = member.scope;
  member.scope = scope;
  announce(app, group, "scopeChanged", uid, by, { scope: { old, new: scope } });
}

/** Moderators and admins may act on members of a lower scope; the app may do everything [D] S43. */
function requireRights(group: GroupRecord, by: string, uid: string): void {
  if (by === SYSTEM_UID || by === uid) return;
  const actor = group.members.get(by);
  if (!actor) throw new CometChatError("ERR_NOT_A_MEMBER");
  const rank = RANK[group.members.get(uid)?.scope ?? "participant"];
  const allowed = actor.scope === "admin" || (actor.scope === "moderator" && rank < RANK.moderator);
  if (!allowed || group.owner === uid) throw new CometChatError("ERR_GROUP_NO_SCOPE_CLEARANCE");
}

/** The status of kicking a non-member was observed, its code was not [OBS] S32. */
function requireMember(group: GroupRecord, uid: string) {
  const member = group.members.get(uid);
  if (member) return member;
  throw new CometChatError("ERR_MEMBER_NOT_FOUND");
}

function announce(
  app: App,
  group: GroupRecord,
  action: MemberAction,
  uid: string,
  by: string,
  extras?: { scope: { old: string; new: string } },
): StoredMessage {
  const message = sendAction(
    app,
    { sender: by, receiver: group.guid, receiverType: "group" },
    "groupMember",
    { action, by, on: { user: uid }, ...(extras && { extras }) },
    { platform: "API" },
  );
  app.tell(memberEvent(app, group, action, uid, by));
  return message;
}

/** The payload beyond the names of the triggers is not documented in what could be read [U]. */
function memberEvent(app: App, group: GroupRecord, action: MemberAction, uid: string, by: string): Change {
  const show = (id: string) => {
    const user = app.world.users.get(id);
    return user ? showUser(user) : { uid: id, name: id === SYSTEM_UID ? "System" : id };
  };
  return {
    kind: "world",
    trigger: TRIGGERS[action],
    data: () => ({ group: showGroup(group), user: show(uid), actionBy: show(by) }),
  };
}
