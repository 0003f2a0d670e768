/** Where the person is, in the address: a chat can be reloaded, linked, and left with the browser's back button. */

import type { Chat } from "./store.ts";

/** The list of chats alone, which is a page of its own on a phone. */
export const CHATS = "#/chats";

export function linkTo({ receiverType, receiver }: Chat): string {
  return `#/${receiverType}/${encodeURIComponent(receiver)}`;
}

export function chatIn(hash: string): Chat | undefined {
  const match = /^#\/(user|group)\/(.+)$/.exec(hash);
  if (!match) return undefined;
  try {
    return { receiverType: match[1] as Chat["receiverType"], receiver: decodeURIComponent(match[2]!) };
  } catch {
    return undefined;
  }
}

export function go(chat: Chat): void {
  location.hash = linkTo(chat);
}
