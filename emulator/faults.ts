/**
 * Faults: what goes wrong on the way, each with a probability, all repeatable from one seed (see `random.ts`).
 *
 * A decision about a callback is drawn from the seed and the identity of the message, not from its id: a message is
 * known by its conversation, its sender and how many that sender had said there before. A decision about a REST call is
 * drawn from what is asked (of a send: sender and muid, or sender, receiver and data when there is no muid) and from how
 * often the same was asked before. So a retry gets a new draw, and two runs agree even if their requests interleave
 * differently.
 */

import type { SettingDescriptor } from "./api.ts";

const probability = { type: "probability", default: 0, minimum: 0, maximum: 1 } as const;
const known = "A fault of the network or of the service, not a matter of CometChat's rules.";

export const FAULTS = [
  {
    name: "callbackDrop",
    title: "Drop callbacks",
    description: "The delivery is never made, and is not made up for by a retry.",
    section: "callback faults",
    ...probability,
    whatIsKnown: known,
  },
  {
    name: "callbackDelay",
    title: "Delay callbacks",
    description: "The delivery waits up to callbackDelayMs first.",
    section: "callback faults",
    ...probability,
    whatIsKnown: `${known} REST-triggered webhooks mostly arrived well under 5 s [OBS] S32.`,
  },
  {
    name: "callbackDelayMs",
    title: "Longest delay",
    description: "Upper bound of the delay, which is drawn evenly.",
    section: "callback faults",
    type: "number",
    default: 2000,
    minimum: 0,
    maximum: 600_000,
    unit: "ms",
    whatIsKnown: known,
  },
  {
    name: "callbackDuplicate",
    title: "Duplicate callbacks",
    description: "The delivery is made twice: at the same time, or the second up to callbackDelayMs later.",
    section: "callback faults",
    ...probability,
    whatIsKnown: known,
  },
  {
    name: "callbackReorder",
    title: "Reorder callbacks",
    description: "The delivery waits until the next one of its conversation has been made, for a second at most.",
    section: "callback faults",
    ...probability,
    whatIsKnown: known,
  },
  {
    name: "rest429",
    title: "429",
    description: "The call is refused with ERR_TOO_MANY_REQUESTS and Retry-After: retryAfterSeconds.",
    section: "REST faults",
    ...probability,
    whatIsKnown: "[D] S27: not processed; Retry-After in seconds and X-Rate-Limit-Reset.",
  },
  {
    name: "retryAfterSeconds",
    title: "Retry-After of a drawn 429",
    description: "What the header says.",
    section: "REST faults",
    type: "number",
    default: 1,
    minimum: 0,
    maximum: 3600,
    unit: "seconds",
    whatIsKnown: "[D] S27 for the header.",
  },
  {
    name: "rest500",
    title: "500",
    description: "The call is answered with a 500 (see serverErrorBody) and does nothing.",
    section: "REST faults",
    ...probability,
    whatIsKnown: known,
  },
  {
    name: "restAccepted500",
    title: "Accepted, but 500",
    description: "The call does its work, and is answered with a 500.",
    section: "REST faults",
    ...probability,
    whatIsKnown: known,
  },
  {
    name: "restSlow",
    title: "Slow",
    description: "The call does its work at once, but the answer takes restSlowMs.",
    section: "REST faults",
    ...probability,
    whatIsKnown: known,
  },
  {
    name: "restSlowMs",
    title: "Time of a slow answer",
    description: "Milliseconds until the answer.",
    section: "REST faults",
    type: "number",
    default: 3000,
    minimum: 0,
    maximum: 600_000,
    unit: "ms",
    whatIsKnown: known,
  },
  {
    name: "restCut",
    title: "Cut before acceptance",
    description: "The connection breaks and the call did nothing.",
    section: "REST faults",
    ...probability,
    whatIsKnown: known,
  },
  {
    name: "restAcceptedCut",
    title: "Accepted, but cut",
    description: "The call does its work, and the connection breaks instead of an answer.",
    section: "REST faults",
    ...probability,
    whatIsKnown: known,
  },
  {
    name: "restAcceptedUnanswered",
    title: "Accepted, but never answered",
    description: "The call does its work, and nothing is answered until the client gives up.",
    section: "REST faults",
    ...probability,
    whatIsKnown: known,
  },
  {
    name: "restAcceptedLate",
    title: "Accepted after the client has gone",
    description: "Nothing is done or answered until the client gives up; restLateMs later the call does its work.",
    section: "REST faults",
    ...probability,
    whatIsKnown: known,
  },
  {
    name: "restLateMs",
    title: "Delay of a late acceptance",
    description: "Milliseconds between the client's leaving and the acceptance.",
    section: "REST faults",
    type: "number",
    default: 500,
    minimum: 0,
    maximum: 600_000,
    unit: "ms",
    whatIsKnown: known,
  },
  {
    name: "restFaultsOn",
    title: "Which REST calls faults hit",
    description: "sends: a bot's messages and replies in threads. histories: lists of messages. others: everything else. Calls on behalf of a person are spared.",
    section: "REST faults",
    type: "list",
    choices: ["sends", "histories", "others"],
    default: "sends",
    whatIsKnown: known,
  },
] as const satisfies readonly SettingDescriptor[];

/** The faults of which at most one strikes a REST call: their probabilities add up. */
export const REST_FAULTS = [
  "rest429",
  "rest500",
  "restAccepted500",
  "restSlow",
  "restCut",
  "restAcceptedCut",
  "restAcceptedUnanswered",
  "restAcceptedLate",
] as const;

export type RestFault = (typeof REST_FAULTS)[number];
