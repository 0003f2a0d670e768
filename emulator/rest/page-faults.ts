/** What may be wrong with a page of a history, besides that it never arrives. */

import type { Message } from "../cometchat.ts";
import type { StoredMessage } from "../messages.ts";
import type { Call } from "./router.ts";

/** An absurd time, of the beginning of the epoch. */
const OLD = 1;

/** Fewer of the messages that were found, from the cursor on: at least one, so that there is a way to go on. */
export function shortened({ app, draw }: Call, found: StoredMessage[]): StoredMessage[] {
  if (draw("historyShortPages") >= app.settings.number("historyShortPages")) return found;
  return found.slice(0, Math.max(1, Math.floor(draw("historyShortPages", "length") * found.length)));
}

/** The messages as they are shown, with what does not belong there. */
export function spoilt({ app: { settings }, draw }: Call, shown: Message[]): (Message | null)[] {
  return shown.flatMap((message, index) => [
    ...(draw("historyNulls", index) < settings.number("historyNulls") ? [null] : []),
    draw("historyOldSentAt", index) < settings.number("historyOldSentAt") ? { ...message, sentAt: OLD } : message,
  ]);
}
