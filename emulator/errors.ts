/**
 * CometChat's error codes: what the emulator says with each, and with which status.
 *
 * CometChat's error guide lists codes and meanings but no status [D] S24. A status is fixed here where it was observed
 * or follows from "validation is 400" [OBS] S31, S32, S34, S35; every other one obeys the switch `unknownStatus`.
 */

import type { ErrorBody } from "./cometchat.ts";

/** A status that is known, or the likeliest one of a code whose status is not documented. */
type Status = number | { likely: number };

interface CodeFacts {
  status: Status;
  message: string;
}

const CODES = {
  // The app and the key
  AUTH_ERR_EMPTY_APPID: { status: { likely: 400 }, message: "The app id is missing." },
  AUTH_ERR_INVALID_APPID: { status: { likely: 404 }, message: "The app id does not exist in this region." },
  AUTH_ERR_EMPTY_APIKEY: { status: 401, message: "The header apikey is missing." },
  AUTH_ERR_APIKEY_NOT_FOUND: { status: 401, message: "The API key does not exist." },
  AUTH_ERR_NO_ACCESS: { status: { likely: 403 }, message: "The scope of this API key does not allow this call." },

  // Requests in general
  ERR_BAD_REQUEST: { status: 400, message: "Failed to validate the data sent with the request." },
  ERR_API_NOT_FOUND: { status: 404, message: "The endpoint does not exist, or not with this method." },
  ERR_INVALID_API_VERSION: { status: { likely: 404 }, message: "This version of the API does not exist." },
  ERR_TOO_MANY_REQUESTS: { status: 429, message: "The rate limit is exceeded. Try again later." },
  ERR_MISSION_FAILED: { status: 500, message: "The request could not be completed." },
  ERR_OPERATION_FAILED: { status: 500, message: "The operation failed." },
  ERR_EXCEPTION: { status: 500, message: "Something went wrong on the server." },

  // Users and bots
  ERR_UID_NOT_FOUND: { status: 404, message: "The user does not exist or is deactivated." },
  ERR_UID_ALREADY_EXISTS: { status: 400, message: "A user with this UID exists already." },
  ERR_ROLE_NOT_FOUND: { status: { likely: 404 }, message: "The role does not exist." },
  ERR_AUTH_TOKEN_NOT_FOUND: { status: { likely: 404 }, message: "The auth token does not exist." },
  ERR_BOT_NOT_FOUND: { status: { likely: 404 }, message: "No bot is attached to this UID." },
  ERR_BOT_ALREADY_EXISTS: { status: { likely: 400 }, message: "A bot is attached to this UID already." },
  ERR_PLAN_QUOTA_RESTRICTION: { status: { likely: 403 }, message: "The app has as many of these as its plan allows." },
  ERR_BLOCKED_RECEIVER: { status: 403, message: "The sender has blocked the receiver." },
  ERR_BLOCKED_SENDER: { status: { likely: 403 }, message: "The receiver has blocked the sender." },

  // Groups
  ERR_GUID_NOT_FOUND: { status: 404, message: "The group does not exist." },
  ERR_GUID_ALREADY_EXISTS: { status: 400, message: "A group with this GUID exists already." },
  ERR_NOT_A_MEMBER: { status: { likely: 403 }, message: "The user is not a member of the group." },
  ERR_MEMBER_NOT_FOUND: { status: 404, message: "The user is not a member of the group." },
  ERR_ALREADY_JOINED: { status: { likely: 400 }, message: "The user is a member of the group already." },
  ERR_NOT_A_BANNED_USER: { status: { likely: 404 }, message: "The user is not banned from the group." },
  ERR_BANNED_GROUPMEMBER: { status: { likely: 403 }, message: "The user is banned from the group." },
  ERR_SAME_SCOPE: { status: { likely: 400 }, message: "The member has this scope already." },
  ERR_GROUP_NO_SCOPE_CLEARANCE: { status: { likely: 403 }, message: "The scope of the acting user does not allow this." },

  // Messages
  ERR_INVALID_RECEIVER_TYPE: { status: 400, message: "receiverType must be user or group." },
  ERR_INVALID_MESSAGE_CATEGORY: { status: 400, message: "This category of message is not accepted." },
  ERR_EMPTY_MESSAGE_TYPE: { status: 400, message: "The type of the message is missing." },
  ERR_INVALID_MESSAGE_TYPE: { status: 400, message: "The category does not have this type of message." },
  ERR_INVALID_MESSAGE_DATA: { status: 400, message: "data must be an object." },
  ERR_EMPTY_MESSAGE_TEXT: { status: 400, message: "The text of the message is empty." },
  ERR_INVALID_MESSAGE_TEXT: { status: 400, message: "The text of the message must be a string." },
  ERR_EMPTY_MESSAGE_FILE: { status: 400, message: "A media message needs an attachment." },
  ERR_INVALID_MEDIA_MESSAGE: { status: 400, message: "Every attachment must be an object with a url." },
  ERR_EMPTY_CUSTOM_DATA: { status: 400, message: "A custom message needs customData." },
  ERR_INVALID_CUSTOM_DATA: { status: 400, message: "customData must be an object." },
  ERR_INVALID_METADATA: { status: 400, message: "metadata must be an object." },
  ERR_MESSAGE_ID_NOT_FOUND: { status: 404, message: "The message does not exist." },
  ERR_MESSAGE_NOT_A_SENDER: { status: { likely: 403 }, message: "Only its sender may do this to a message." },
  ERR_MESSAGE_NO_ACCESS: { status: { likely: 403 }, message: "The message is in a conversation that the user is not part of." },
  ERR_MESSAGE_ACTION_NOT_ALLOWED: { status: { likely: 400 }, message: "This cannot be done to this message." },
  ERR_WRONG_MESSAGE_THREAD: { status: { likely: 400 }, message: "The parent message is in another conversation." },
  ERR_WRONG_MESSAGE_THREAD_CATEGORY: { status: { likely: 400 }, message: "A message of this category cannot have a thread." },
  ERR_MESSAGE_THREAD_NESTING: { status: { likely: 400 }, message: "A reply in a thread cannot have a thread of its own." },
  ERR_REACTION_LIMIT_EXCEEDED: { status: { likely: 400 }, message: "The message has as many distinct reactions as it may have." },
  ERR_REACTION_NOT_FOUND: { status: { likely: 404 }, message: "The user has not reacted to the message like this." },
  ERR_CONVERSATION_NOT_ACCESSIBLE: { status: { likely: 404 }, message: "There is no such conversation with a message in it." },

  // The emulator's own
  ERR_EMULATOR_FORBIDDEN: { status: 403, message: "This request comes from another site." },
} as const satisfies Record<string, CodeFacts>;

/** A code that the emulator answers with. */
export type ErrorCode = keyof typeof CODES;

/** What the switch `unknownStatus` may say. */
export type UnknownStatus = "likely" | "400" | "403" | "404";

/** A refusal that becomes CometChat's error body. */
export class CometChatError extends Error {
  readonly code: ErrorCode;
  readonly details: Record<string, string[]> | undefined;

  /** `message` says more precisely what is wrong than the code's own sentence does. */
  constructor(code: ErrorCode, message?: string, details?: Record<string, string[]>) {
    super(message ?? CODES[code].message);
    this.code = code;
    this.details = details;
  }

  /** The HTTP status, for codes without a documented one as the switch says. */
  status(unknown: UnknownStatus): number {
    const status: Status = CODES[this.code].status;
    if (typeof status === "number") return status;
    return unknown === "likely" ? status.likely : Number(unknown);
  }

  /** CometChat's error body [OBS] S31, S34, S35. */
  body(): ErrorBody {
    return { error: { message: this.message, ...(this.details && { details: this.details }), code: this.code } };
  }
}

/** A validation error of one field. */
export function invalid(field: string, problem: string): CometChatError {
  return new CometChatError("ERR_BAD_REQUEST", undefined, { [field]: [problem] });
}
