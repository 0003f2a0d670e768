/** Where a message is written: text with mentions, pictures, files, custom messages, and edits of what was sent. */

import type { Message, SendAsPerson } from "../api.ts";
import { api } from "./api.ts";
import { attachMenu } from "./attach.ts";
import { el, put } from "./dom.ts";
import { icon } from "./icons.ts";
import type { Candidate } from "./mentions.ts";
import { offered, toWire, typedMention, written } from "./mentions.ts";
import { avatar, botBadge } from "./avatar.ts";
import type { Chat } from "./store.ts";
import { store } from "./store.ts";
import { plainText } from "./words.ts";

/** Where a message goes. */
export interface Target {
  chat: Chat;
  parentId?: string;
}

export interface ComposerOptions {
  label: string;
  /** Called after every change of the text. */
  changed?: () => void;
}

let serial = 0;

export class Composer {
  readonly element: HTMLFormElement;
  readonly #options: ComposerOptions;
  readonly #input: HTMLTextAreaElement;
  readonly #offers: HTMLElement;
  readonly #problem = el("p", { class: "problem", role: "alert" });
  readonly #editing = el("div", { class: "editing", hidden: true });
  readonly #drafts = new Map<string, string>();
  #target: Target | undefined;
  #edited: Message | undefined;
  #offered: Candidate[] = [];
  #chosen = 0;

  constructor(options: ComposerOptions) {
    this.#options = options;
    serial += 1;
    this.#offers = el("div", {
      class: "offers",
      role: "listbox",
      id: `offers-${serial}`,
      "aria-label": "People to mention",
      hidden: true,
    });
    this.#input = el("textarea", {
      rows: 1,
      "aria-label": options.label,
      "aria-autocomplete": "list",
      "aria-controls": this.#offers.id,
      enterkeyhint: "send",
    });
    const attach = el(
      "button",
      {
        class: "icon-button",
        type: "button",
        "aria-label": "Attach",
        "aria-haspopup": "menu",
        title: "Picture, file or custom message",
      },
      icon("plus"),
    );
    attach.addEventListener("click", () => this.#target && attachMenu(attach, (message) => this.#send(message)));
    this.element = el(
      "form",
      { class: "composer" },
      this.#editing,
      this.#problem,
      this.#offers,
      el(
        "div",
        { class: "input-line" },
        attach,
        this.#input,
        el("button", { class: "icon-button send", type: "submit", "aria-label": "Send" }, icon("send")),
      ),
    );
    this.element.addEventListener("submit", (event) => {
      event.preventDefault();
      void this.submit();
    });
    this.#input.addEventListener("input", () => this.#changed());
    this.#input.addEventListener("click", () => this.#offer());
    this.#input.addEventListener("blur", () => this.#hideOffers());
    this.#input.addEventListener("keydown", (event) => this.#pressed(event));
  }

  get text(): string {
    return this.#input.value;
  }

  /** The text as it would be sent. */
  get wire(): string {
    return this.#target ? toWire(this.text, this.#target.chat) : this.text;
  }

  /** Writes to somebody else from now on. What was being written to either is kept. */
  setTarget(target: Target | undefined, placeholder: string): void {
    if (this.#target && !this.#edited) this.#drafts.set(keyOf(this.#target), this.text);
    this.#stopEditing();
    this.#target = target;
    this.#input.placeholder = placeholder;
    put(this.#problem);
    this.setText(target ? (this.#drafts.get(keyOf(target)) ?? "") : "");
  }

  setText(text: string): void {
    this.#input.value = text;
    this.#changed();
  }

  focus(): void {
    this.#input.focus();
    this.#input.setSelectionRange(this.text.length, this.text.length);
  }

  mention(uid: string, name: string): void {
    if (!this.#target) return;
    this.setText(`${written({ uid, name }, this.#target.chat)} ${this.text}`);
    this.focus();
  }

  /** Takes a message of the person back into the composer. */
  edit(message: Message): void {
    this.#edited = message;
    this.#editing.hidden = false;
    const cancel = el("button", { class: "link", type: "button" }, "Cancel");
    cancel.addEventListener("click", () => this.#cancelEdit());
    put(this.#editing, icon("edit"), el("span", {}, "Editing a message"), cancel);
    this.setText(plainText(message.data.text ?? ""));
    this.focus();
  }

  async submit(): Promise<void> {
    const text = this.wire.trim();
    if (text === "" || !this.#target) return;
    const edited = this.#edited;
    if (!edited) {
      this.setText("");
      return this.say(text);
    }
    try {
      await api.edit(edited.id, store.me, text);
      this.#cancelEdit();
    } catch (error) {
      this.#show(error as Error);
    }
  }

  /** Sends a text without regard to what is being written; what cannot be sent is put there, if there is room. */
  async say(text: string): Promise<void> {
    try {
      await this.#send({ text: this.#target ? toWire(text, this.#target.chat) : text });
    } catch (error) {
      if (this.text === "") this.setText(plainText(text));
      this.#show(error as Error);
    }
  }

  /** @throws ApiError */
  async #send(message: Partial<SendAsPerson>): Promise<void> {
    const target = this.#target;
    if (!target) return;
    put(this.#problem);
    const { chat, parentId } = target;
    await api.send({ sender: store.me, ...chat, ...(parentId !== undefined && { parentId }), ...message });
  }

  #show(error: Error): void {
    put(this.#problem, icon("alert"), error.message);
  }

  #cancelEdit(): void {
    this.#stopEditing();
    this.setText("");
    this.focus();
  }

  #stopEditing(): void {
    this.#edited = undefined;
    this.#editing.hidden = true;
  }

  #pressed(event: KeyboardEvent): void {
    const open = !this.#offers.hidden;
    if (event.isComposing) return;
    if (open && (event.key === "ArrowDown" || event.key === "ArrowUp"))
      this.#choose(this.#chosen + (event.key === "ArrowDown" ? 1 : -1));
    else if (open && (event.key === "Enter" || event.key === "Tab")) this.#accept(this.#offered[this.#chosen]);
    else if (open && event.key === "Escape") this.#hideOffers();
    else if (event.key === "Escape" && this.#edited) this.#cancelEdit();
    else if (event.key === "Enter" && !event.shiftKey) void this.submit();
    else return;
    event.preventDefault();
    event.stopPropagation();
  }

  #changed(): void {
    this.element.classList.toggle("empty", this.text.trim() === "");
    this.#grow();
    this.#offer();
    this.#options.changed?.();
  }

  #grow(): void {
    if (CSS.supports("field-sizing", "content")) return;
    this.#input.style.height = "auto";
    this.#input.style.height = `${this.#input.scrollHeight}px`;
  }

  #offer(): void {
    const target = this.#target;
    const typed = typedMention(this.text, this.#input.selectionStart);
    this.#offered = target && typed && document.activeElement === this.#input ? offered(target.chat, typed.word) : [];
    if (this.#offered.length === 0) return this.#hideOffers();
    const rows = this.#offered.map((candidate, at) => {
      const row = el(
        "div",
        { class: "option", role: "option", id: `${this.#offers.id}-${at}` },
        avatar(candidate.uid),
        el(
          "span",
          { class: "words" },
          el("span", { class: "line" }, candidate.name, store.isBot(candidate.uid) && botBadge()),
          el("small", {}, candidate.uid),
        ),
      );
      // Not on click: that would come after the text field has lost the focus.
      row.addEventListener("pointerdown", (event) => {
        event.preventDefault();
        this.#accept(candidate);
      });
      return row;
    });
    put(this.#offers, ...rows);
    this.#offers.hidden = false;
    this.#choose(0);
  }

  #choose(index: number): void {
    const rows = [...this.#offers.children];
    this.#chosen = (index + rows.length) % rows.length;
    for (const [at, row] of rows.entries()) row.setAttribute("aria-selected", String(at === this.#chosen));
    this.#input.setAttribute("aria-activedescendant", rows[this.#chosen]?.id ?? "");
  }

  #accept(candidate: Candidate | undefined): void {
    const caret = this.#input.selectionStart;
    const typed = typedMention(this.text, caret);
    if (!candidate || !typed || !this.#target) return;
    this.#input.setRangeText(`${written(candidate, this.#target.chat)} `, typed.from, caret, "end");
    this.#changed();
    this.#hideOffers();
  }

  #hideOffers(): void {
    this.#offers.hidden = true;
    this.#input.removeAttribute("aria-activedescendant");
  }
}

function keyOf({ chat, parentId }: Target): string {
  return `${store.me} ${chat.receiverType} ${chat.receiver} ${parentId ?? ""}`;
}
