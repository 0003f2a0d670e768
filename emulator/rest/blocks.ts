/** `/users/{uid}/blockedusers` [D] S7. 200 with a result for every UID, also of unknown ones; 404 if `{uid}` is unknown [OBS] S34. */

import type { App } from "../app.ts";
import { invalid } from "../errors.ts";
import { showUser } from "../render.ts";
import { optionalList } from "../validate.ts";
import type { UserRecord } from "../world.ts";
import type { Call, Reply, Route } from "./router.ts";
import { paginate } from "./router.ts";

export const blockRoutes: Route[] = [
  {
    method: "POST",
    path: "/users/{uid}/blockedusers",
    operation: "blockUsers",
    run: (call) =>
      eachUid(call, (user, other) => {
        user.blocked.set(other.uid, call.app.now());
        tell(call.app, "user_blocked", user, other);
        return `The user with UID ${user.uid} has blocked user with UID ${other.uid} successfully.`;
      }),
  },
  {
    method: "DELETE",
    path: "/users/{uid}/blockedusers",
    operation: "unblockUsers",
    run: (call) =>
      eachUid(call, (user, other) => {
        user.blocked.delete(other.uid);
        tell(call.app, "user_unblocked", user, other);
        return `The user with UID ${user.uid} has unblocked user with UID ${other.uid} successfully.`;
      }),
  },
  {
    method: "GET",
    path: "/users/{uid}/blockedusers",
    operation: "listBlockedUsers",
    run({ app, params }) {
      const blocked = [...app.world.user(params["uid"]!).blocked];
      return paginate(blocked, 1, 1000, ([uid, at]) => {
        const other = app.world.users.get(uid);
        return { ...(other ? showUser(other) : { uid }), blockedByMe: true, blockedByMeAt: at, blockedAt: at };
      });
    },
  },
];

function eachUid({ app, params, body }: Call, act: (user: UserRecord, other: UserRecord) => string): Reply {
  const user = app.world.user(params["uid"]!);
  const uids = optionalList(body, "blockedUids", 1000);
  if (!uids) throw invalid("blockedUids", "The blockedUids field is required.");
  const results: Record<string, object> = {};
  for (const uid of uids) {
    const other = app.world.users.get(uid.toLowerCase());
    results[uid.toLowerCase()] = other
      ? { success: true, message: act(user, other) }
      : { success: false, message: `The user with UID ${uid.toLowerCase()} does not exist.` };
  }
  return { data: results };
}

function tell(app: App, trigger: string, user: UserRecord, other: UserRecord): void {
  app.tell({ kind: "world", trigger, data: () => ({ user: showUser(other), actionBy: showUser(user) }) });
}
