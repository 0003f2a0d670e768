/** Whether a request may come in at all, whatever it asks. */

import type { IncomingMessage } from "node:http";

import { CometChatError } from "./errors.ts";

/**
 * No key is asked for, or one that everybody knows, so other sites' pages must not get in through the browser of
 * whoever runs this: neither by a request of their own (`Origin`) nor under a name that they let point here (`Host`).
 *
 * `loopback`: only this machine can reach the server; then it answers to no other name.
 *
 * @throws CometChatError
 */
export function checkOrigin(incoming: IncomingMessage, loopback: boolean): void {
  const { host = "", origin } = incoming.headers;
  const foreign = origin !== undefined && origin !== `http://${host}` && origin !== `https://${host}`;
  const local = /^(localhost|[^/:]+\.localhost|127(\.\d+){3}|\[::1\])(:\d+)?$/i.test(host);
  if (foreign || (loopback && !local)) throw new CometChatError("ERR_EMULATOR_FORBIDDEN");
}
