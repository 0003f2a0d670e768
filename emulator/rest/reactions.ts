/** `/messages/{id}/reactions` [D] S5, S6. The emoji stands in the path, percent-encoded. */

import { addReaction, removeReaction, visibleMessage } from "../changing.ts";
import { showMessage, showUser } from "../render.ts";
import { queryNumber } from "../validate.ts";
import type { Call, Reply, Route } from "./router.ts";

export const reactionRoutes: Route[] = [
  { method: "GET", path: "/messages/{id}/reactions", operation: "listReactions", run: list },
  { method: "GET", path: "/messages/{id}/reactions/{reaction}", operation: "listReaction", run: list },
  {
    method: "POST",
    path: "/messages/{id}/reactions/{reaction}",
    operation: "addReaction",
    requiresOnBehalfOf: true,
    run({ app, params, onBehalfOf }) {
      const message = visibleMessage(app, params["id"]!, onBehalfOf);
      addReaction(app, message, onBehalfOf!, params["reaction"]!);
      return { data: showMessage(app, message, { audience: "rest", uid: onBehalfOf }) };
    },
  },
  {
    method: "DELETE",
    path: "/messages/{id}/reactions/{reaction}",
    operation: "removeReaction",
    requiresOnBehalfOf: true,
    run({ app, params, onBehalfOf }) {
      const message = visibleMessage(app, params["id"]!, onBehalfOf);
      removeReaction(app, message, onBehalfOf!, params["reaction"]!);
      return { data: showMessage(app, message, { audience: "rest", uid: onBehalfOf }) };
    },
  },
];

/** One line for each user and reaction; the cursor is `meta.next.id`. */
function list({ app, params, query, onBehalfOf }: Call): Reply {
  const message = visibleMessage(app, params["id"]!, onBehalfOf);
  const limit = queryNumber(query, "limit", { default: 100, minimum: 1, maximum: 1000 });
  const after = queryNumber(query, "id", { default: 0, minimum: 0, maximum: Number.MAX_SAFE_INTEGER });
  const lines = [...(message.reactions ?? [])]
    .filter(([reaction]) => params["reaction"] === undefined || reaction === params["reaction"])
    .flatMap(([reaction, by]) => by.map((one) => ({ ...one, reaction })))
    .sort((one, other) => Number(one.id) - Number(other.id))
    .filter(({ id }) => Number(id) > after);
  const shown = lines.slice(0, limit).map(({ id, uid, reaction, reactedAt }) => {
    const user = app.world.users.get(uid);
    return { id, messageId: String(message.id), reaction, uid, reactedAt, reactedBy: user ? showUser(user) : { uid, name: uid } };
  });
  const next = lines.length > limit ? { next: { id: shown.at(-1)?.id } } : {};
  return { data: shown, meta: { current: { limit, count: shown.length }, ...next } };
}
