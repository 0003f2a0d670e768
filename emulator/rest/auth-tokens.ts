/** `/users/{uid}/auth_tokens`: what client SDKs log in with [D] S6, S7. The emulator has no client API; tokens open nothing. */

import type { App } from "../app.ts";
import { CometChatError } from "../errors.ts";
import { hexDigits } from "../random.ts";
import type { AuthToken, UserRecord } from "../world.ts";
import type { Call, Route } from "./router.ts";
import { paginate } from "./router.ts";

/** Active tokens of a user; the oldest are archived [D] S25. */
const MAX_TOKENS = 100;

export const authTokenRoutes: Route[] = [
  {
    method: "POST",
    path: "/users/{uid}/auth_tokens",
    operation: "createAuthToken",
    core: true,
    authOnly: true,
    run({ app, params, body }) {
      const user = app.world.user(params["uid"]!);
      if (body["force"] === true) user.authTokens = [];
      return { data: newAuthToken(app, user) };
    },
  },
  {
    method: "GET",
    path: "/users/{uid}/auth_tokens",
    operation: "listAuthTokens",
    authOnly: true,
    run({ app, params }) {
      return paginate(app.world.user(params["uid"]!).authTokens, 1, 100, (token) => token);
    },
  },
  {
    method: "DELETE",
    path: "/users/{uid}/auth_tokens",
    operation: "flushAuthTokens",
    authOnly: true,
    run({ app, params }) {
      const user = app.world.user(params["uid"]!);
      user.authTokens = [];
      return { data: { success: true, message: `Cleared Auth Tokens successfully for uid ${user.uid}.` } };
    },
  },
  {
    method: "GET",
    path: "/users/{uid}/auth_tokens/{authToken}",
    operation: "getAuthToken",
    authOnly: true,
    run(call) {
      return { data: find(call).token };
    },
  },
  {
    method: "PUT",
    path: "/users/{uid}/auth_tokens/{authToken}",
    operation: "updateAuthToken",
    authOnly: true,
    run(call) {
      // Platform, user agent and app info are taken and not shown again in any sample [D] S7.
      return { data: find(call).token };
    },
  },
  {
    method: "DELETE",
    path: "/users/{uid}/auth_tokens/{authToken}",
    operation: "deleteAuthToken",
    authOnly: true,
    run(call) {
      const { user, token } = find(call);
      user.authTokens = user.authTokens.filter((other) => other !== token);
      return { data: { success: true, message: `The auth token of ${user.uid} has been deleted successfully.` } };
    },
  },
];

export function newAuthToken(app: App, user: UserRecord): AuthToken {
  const createdAt = app.now();
  const digits = hexDigits(40, app.settings.seed, "authToken", user.uid, createdAt, user.authTokens.length);
  const token = { uid: user.uid, authToken: `${user.uid}_${createdAt}${digits}`, createdAt };
  user.authTokens = [...user.authTokens, token].slice(-MAX_TOKENS);
  return token;
}

function find({ app, params }: Call): { user: UserRecord; token: AuthToken } {
  const user = app.world.user(params["uid"]!);
  const token = user.authTokens.find(({ authToken }) => authToken === params["authToken"]);
  if (!token) throw new CometChatError("ERR_AUTH_TOKEN_NOT_FOUND");
  return { user, token };
}
