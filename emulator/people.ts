/** What a person does with a client: the part of CometChat's SDK, for the chat page and for tests. */

import type { EditAsPerson, InteractAsPerson, InteractionResult, ReadAsPerson, SendAsPerson } from "./api.ts";
import type { App } from "./app.ts";
import { deleteMessage, editMessage, interact, markConversation, visibleMessage } from "./changing.ts";
import type { Json, JsonObject } from "./cometchat.ts";
import type { Deliveries } from "./deliveries.ts";
import { CometChatError, invalid } from "./errors.ts";
import type { Conversation, StoredMessage } from "./messages.ts";
import { hexDigits, uuid } from "./random.ts";
import { conversationIdOf, showMessage } from "./render.ts";
import { readDraft, send } from "./sending.ts";
import { isHttpUrl } from "./settings.ts";
import { asText, isObject, messageId } from "./validate.ts";

/** The documented sample's [D-old] S17. */
const ORIGIN = { platform: "web", language: "reactjs", resource: "chat-widget" };

/** Sends as a client does: with a `muid`, and with the `resource` of its session in the data [D-old] S17, S18. */
export function sendAsPerson(app: App, request: SendAsPerson): StoredMessage {
  const { sender: uid, text, parentId, ...rest } = request;
  const sender = app.world.user(asText(uid));
  const body: JsonObject = { ...(rest as unknown as JsonObject) };
  if (text !== undefined) body["data"] = { ...(isObject(rest.data) ? rest.data : {}), text: text as Json };
  const draft = readDraft(app, sender.uid, body, ORIGIN);
  const { seed } = app.settings;
  draft.muid ??= `_${hexDigits(9, seed, "muid", sender.uid, Date.now(), app.messages.all.last?.id ?? 0)}`;
  draft.data = { ...draft.data, resource: draft.data["resource"] ?? `WEB-4_2_0-${uuid(seed, "session", sender.uid)}-${Date.now()}` };
  if (parentId !== undefined) draft.parentId = messageId(asText(parentId));
  sender.status = "available";
  sender.lastActiveAt = app.now();
  return send(app, draft);
}

export function editAsPerson(app: App, id: string, { person, text }: EditAsPerson): StoredMessage {
  const { uid } = app.world.user(asText(person));
  if (typeof text !== "string") throw new CometChatError("ERR_INVALID_MESSAGE_TEXT");
  const message = visibleMessage(app, id, uid);
  editMessage(app, message, uid, { data: { text } }, ORIGIN);
  return message;
}

export function deleteAsPerson(app: App, id: string, person: string): StoredMessage {
  const { uid } = app.world.user(person);
  const message = visibleMessage(app, id, uid);
  deleteMessage(app, message, uid, false, ORIGIN);
  return message;
}

/** Marks a conversation as read. Nothing said yet is nothing to read. */
export function readAsPerson(app: App, { person, receiver, receiverType }: ReadAsPerson): void {
  const { uid } = app.world.user(asText(person));
  const conversation = findConversation(app, uid, receiverType, asText(receiver));
  if (conversation) markConversation(app, conversation, uid, "read");
}

/** The conversation of a person with someone, or in a group. */
export function findConversation(app: App, person: string, receiverType: unknown, receiver: string): Conversation | undefined {
  if (receiverType !== "user" && receiverType !== "group") throw new CometChatError("ERR_INVALID_RECEIVER_TYPE");
  return app.messages.conversations.get(conversationIdOf(app, person.toLowerCase(), receiverType, receiver.toLowerCase()));
}

/**
 * Uses an element of an interactive message. For an `apiAction` the person's device calls the element's URL itself, and
 * CometChat takes no part in it [SDK] S46.
 */
export async function interactAsPerson(app: App, deliveries: Deliveries, id: string, request: InteractAsPerson): Promise<InteractionResult> {
  const { uid } = app.world.user(asText(request.person));
  const message = visibleMessage(app, id, uid);
  const element = findElement(message.data, asText(request.elementId));
  if (!element) throw invalid("elementId", "The message has no such element.");
  if (message.sender === uid && message.data["allowSenderInteraction"] !== true) throw new CometChatError("ERR_MESSAGE_ACTION_NOT_ALLOWED");
  interact(app, message, uid, [asText(request.elementId)]);
  const action = isObject(element["action"]) ? element["action"] : {};
  const url = action["url"];
  const result: InteractionResult = { message: showMessage(app, message, { audience: "own", uid }) };
  if (!isHttpUrl(url)) return result;
  if (action["actionType"] === "urlNavigation") return { ...result, open: url };
  if (action["actionType"] !== "apiAction") return result;
  const method = typeof action["method"] === "string" ? action["method"].toUpperCase() : "POST";
  const body = JSON.stringify(interactionBody(app, message, uid, request, action));
  const answer = await deliveries.post(url, method, headersOf(action), body);
  if (answer.kind === "answered") return { ...result, call: { status: answer.status } };
  return { ...result, call: { problem: answer.kind === "timeout" ? "No answer within 10 s." : answer.problem } };
}

function findElement(data: JsonObject, elementId: string): JsonObject | undefined {
  const interactive = isObject(data["interactiveData"]) ? data["interactiveData"] : {};
  const elements = [interactive["formFields"], interactive["cardActions"], [interactive["submitElement"] ?? null]].flat();
  return elements.filter(isObject).find((element) => element["elementId"] === elementId);
}

function headersOf(action: JsonObject): Record<string, string> {
  const headers: Record<string, string> = { "Content-Type": "application/json" };
  if (!isObject(action["headers"])) return headers;
  for (const [name, value] of Object.entries(action["headers"])) {
    if (/^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/.test(name) && typeof value === "string" && /^[\t\x20-\x7e]*$/.test(value)) headers[name] = value;
  }
  return headers;
}

/** Form values are merged into the object, as the iOS kit does; where they sit differs between the kits [SDK] S46. */
function interactionBody(app: App, message: StoredMessage, uid: string, request: InteractAsPerson, action: JsonObject): JsonObject {
  const dataKey = typeof action["dataKey"] === "string" && action["dataKey"] !== "" ? action["dataKey"] : "CometChatData";
  return {
    appID: app.identity.appId,
    region: app.identity.region,
    trigger: "ui_message_interacted",
    ...(isObject(action["payload"]) && { payload: action["payload"] }),
    [dataKey]: {
      conversationId: message.conversation.id,
      sender: message.sender,
      receiver: message.receiver,
      receiverType: message.receiverType,
      messageCategory: message.category,
      messageType: message.type,
      messageId: message.id,
      interactionTimezoneCode: "UTC",
      interactedBy: uid,
      interactedElementId: asText(request.elementId),
      ...(isObject(request.values) && request.values),
    },
  };
}
