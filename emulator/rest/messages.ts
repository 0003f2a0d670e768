/** `/messages`: send, get, edit, delete, threads, interactions [D] S4, S5, S6; [SDK] S36. */

import { deleteMessage, editMessage, interact, visibleMessage } from "../changing.ts";
import { invalid } from "../errors.ts";
import { showMessage } from "../render.ts";
import { readDraft, send } from "../sending.ts";
import { messageId, optionalFlag, optionalList, optionalObject, optionalTags } from "../validate.ts";
import { SYSTEM_UID } from "../world.ts";
import type { Route } from "./router.ts";

/** Messages sent through REST say so [D] S22. */
const ORIGIN = { platform: "API" };

export const messageRoutes: Route[] = [
  {
    method: "POST",
    path: "/messages",
    operation: "sendMessage",
    faults: "sends",
    run({ app, body, onBehalfOf, created }) {
      const message = send(app, readDraft(app, onBehalfOf ?? SYSTEM_UID, body, ORIGIN));
      created(message);
      return { data: showMessage(app, message, { audience: "rest", uid: onBehalfOf }) };
    },
  },
  {
    method: "POST",
    path: "/messages/{id}/thread",
    operation: "sendThreadMessage",
    requiresOnBehalfOf: true,
    faults: "sends",
    run({ app, params, body, onBehalfOf, created }) {
      const draft = readDraft(app, onBehalfOf!, body, ORIGIN);
      const message = send(app, { ...draft, parentId: messageId(params["id"]!) });
      created(message);
      return { data: showMessage(app, message, { audience: "rest", uid: onBehalfOf }) };
    },
  },
  {
    method: "GET",
    path: "/messages/{id}",
    operation: "getMessage",
    run({ app, params, onBehalfOf }) {
      const message = visibleMessage(app, params["id"]!, onBehalfOf);
      return { data: showMessage(app, message, { audience: "rest", uid: onBehalfOf }) };
    },
  },
  {
    method: "PUT",
    path: "/messages/{id}",
    operation: "editMessage",
    run({ app, params, body, onBehalfOf, created }) {
      const data = optionalObject(body, "data");
      const tags = optionalTags(body);
      if (!data && !tags) throw invalid("data", "The data field is required.");
      const message = visibleMessage(app, params["id"]!, onBehalfOf);
      const action = editMessage(app, message, onBehalfOf ?? SYSTEM_UID, { ...(data && { data }), ...(tags && { tags }) }, ORIGIN);
      created(action);
      return { data: showMessage(app, action, { audience: "rest", uid: onBehalfOf }) };
    },
  },
  {
    method: "DELETE",
    path: "/messages/{id}",
    operation: "deleteMessage",
    run({ app, params, body, onBehalfOf, created }) {
      const message = visibleMessage(app, params["id"]!, onBehalfOf);
      const permanent = optionalFlag(body, "permanent") ?? false;
      const action = deleteMessage(app, message, onBehalfOf ?? SYSTEM_UID, permanent, ORIGIN);
      created(action);
      return { data: showMessage(app, action, { audience: "rest", uid: onBehalfOf }) };
    },
  },
  {
    method: "PATCH",
    path: "/messages/{id}/interacted",
    operation: "markInteracted",
    requiresOnBehalfOf: true,
    run({ app, params, body, onBehalfOf }) {
      const elements = optionalList(body, "interactions", 100);
      if (!elements) throw invalid("interactions", "The interactions field is required.");
      const message = visibleMessage(app, params["id"]!, onBehalfOf);
      interact(app, message, onBehalfOf!, elements);
      return { data: showMessage(app, message, { audience: "rest", uid: onBehalfOf }) };
    },
  },
];
