/** What can be done with a message: react, reply, edit, delete, inspect. */

import type { Message } from "../api.ts";
import { api } from "./api.ts";
import type { Composer } from "./composer.ts";
import { openForm } from "./dialog.ts";
import { el } from "./dom.ts";
import type { IconName } from "./icons.ts";
import { icon } from "./icons.ts";
import { inspect } from "./inspector.ts";
import { note } from "./live.ts";
import { openMenu } from "./menu.ts";
import { store } from "./store.ts";

const REACTIONS: [symbol: string, name: string][] = [
  ["👍", "Thumbs up"],
  ["❤️", "Heart"],
  ["😂", "Laughing"],
  ["🎉", "Party"],
  ["😮", "Astonished"],
  ["👀", "Eyes"],
];

export function toolbar(message: Message, composer: Composer, openThread?: (message: Message) => void): HTMLElement {
  const isOwn = message.sender === store.me;
  const isText = message.category === "message" && message.type === "text";
  const react = button("react", "React", () => {
    const items = REACTIONS.map(([symbol, label]) => ({
      symbol,
      label,
      run: () => toggleReaction(message, symbol, true),
    }));
    openMenu(react, "Reactions", items);
  });
  react.setAttribute("aria-haspopup", "menu");
  return el(
    "div",
    { class: "toolbar", role: "group", "aria-label": "Message actions" },
    react,
    openThread && button("thread", "Reply in a thread", () => openThread(message)),
    isOwn && isText && button("edit", "Edit", () => composer.edit(message)),
    isOwn && button("trash", "Delete", () => confirmDelete(message)),
    button("inspect", "Inspect", () => inspect(message)),
  );
}

/** Adds or removes a reaction of the person; by default whichever it is not yet. */
export function toggleReaction(message: Message, reaction: string, add?: boolean): void {
  const isMine = message.data.reactions?.some((one) => one.reaction === reaction && one.reactedByMe) ?? false;
  api.react(message.id, reaction, store.me, add ?? !isMine).then(
    (changed) => store.changed(changed),
    (error: Error) => note(error.message, "bad"),
  );
}

function confirmDelete(message: Message): void {
  openForm({
    title: "Delete this message?",
    intro: "Everyone in the chat will see that there was one. Bots are not told.",
    fields: [],
    action: "Delete",
    submit: async () => {
      await api.remove(message.id, store.me);
    },
  });
}

function button(name: IconName, label: string, run: () => void): HTMLButtonElement {
  return el(
    "button",
    { class: "icon-button", type: "button", "aria-label": label, title: label, onclick: run },
    icon(name),
  );
}
