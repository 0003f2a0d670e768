/** A thread, in the panel. */

import type { Message } from "../api.ts";
import { Composer } from "./composer.ts";
import { contentOf } from "./content.ts";
import { el } from "./dom.ts";
import { History } from "./history.ts";
import { inspect } from "./inspector.ts";
import { MessageList } from "./message-list.ts";
import { toggleReaction, toolbar } from "./message-actions.ts";
import { openPanel } from "./panel.ts";
import type { Chat } from "./store.ts";
import { store } from "./store.ts";
import { clockTime, nameOf } from "./words.ts";

export class ThreadView {
  readonly #composer = new Composer({ label: "Reply in the thread" });
  readonly #list: MessageList;
  readonly #parent = el("div", { class: "parent" });
  readonly #body: HTMLElement;
  #open: { chat: Chat; parent: Message } | undefined;

  constructor() {
    this.#list = new MessageList({
      label: "Replies",
      empty: () => el("p", { class: "quiet" }, "No replies yet."),
      inspect,
      react: toggleReaction,
      toolbar: (message) => toolbar(message, this.#composer),
      restart: () => this.#load(),
    });
    this.#body = el("div", { class: "thread" }, this.#parent, this.#list.element, this.#composer.element);
    store.on("fresh", () => this.#load());
  }

  open(chat: Chat, parent: Message): void {
    openPanel({
      title: "Thread",
      subtitle: `under a message of ${nameOf(parent.sender)}`,
      body: this.#body,
      closed: () => {
        this.#open = undefined;
        void this.#list.show(undefined);
      },
    });
    this.#open = { chat, parent };
    this.#parent.replaceChildren(
      el("p", { class: "by" }, el("strong", {}, nameOf(parent.sender)), ` · ${clockTime(parent.sentAt)}`),
      contentOf(parent),
    );
    this.#load();
    this.#composer.focus();
  }

  #load(): void {
    if (!this.#open) return;
    const { chat, parent } = this.#open;
    this.#composer.setTarget({ chat, parentId: parent.id }, "Reply …");
    void this.#list.show(new History(chat, store.me, parent.id));
  }
}
