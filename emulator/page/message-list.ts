/** The messages of a chat or a thread: loads older ones on the way up, and follows the newest while it is in view. */

import type { Message } from "../api.ts";
import { messagesOf } from "./exchanges.ts";
import { arrange, arrowKeys, beforeFrame, el, put } from "./dom.ts";
import type { History } from "./history.ts";
import { icon } from "./icons.ts";
import type { RowActions } from "./message.ts";
import { Row } from "./message.ts";
import { store } from "./store.ts";
import { traceOf } from "./trace.ts";
import { count, dayKey } from "./words.ts";

/** Seconds within which messages of one sender stand together. */
const TOGETHER = 300;

/** Pixels from the end that count as being there. */
const AT_END = 60;

export interface ListOptions extends RowActions {
  label: string;
  /** Shown in place of messages while there are none. */
  empty: () => HTMLElement;
  toolbar: (message: Message) => HTMLElement;
  /** The newest page is wanted again, because what is held does not reach to the end. */
  restart: () => void;
}

export class MessageList {
  readonly element: HTMLElement;
  readonly #options: ListOptions;
  readonly #list: HTMLOListElement;
  readonly #scroller: HTMLElement;
  readonly #note = el("div", { class: "list-note" });
  readonly #jump: HTMLButtonElement;
  readonly #rows = new Map<string, Row>();
  #history: History | undefined;
  #active: Row | undefined;
  #pinned = true;
  #unseen = 0;
  #inspected: string | undefined;

  constructor(options: ListOptions) {
    this.#options = options;
    this.#list = el("ol", { class: "messages", "aria-label": options.label });
    this.#scroller = el("div", { class: "scroller" }, this.#note, this.#list);
    this.#jump = el("button", { class: "jump", type: "button", hidden: true, onclick: () => this.#jumpToEnd() });
    this.element = el("div", { class: "message-list" }, this.#scroller, this.#jump);
    this.#scroller.addEventListener("scroll", () => this.#scrolled(), { passive: true });
    new ResizeObserver(() => this.#pinned && this.#toEnd()).observe(this.#list);
    new ResizeObserver(() => this.#pinned && this.#toEnd()).observe(this.#scroller);
    arrowKeys(this.#list, ".message");
    this.#list.addEventListener("focusin", (event) => this.#activate(event.target as Element));
    this.#list.addEventListener("pointerover", (event) => this.#activate(event.target as Element));
    this.#list.addEventListener("keydown", (event) => {
      const row = this.#rowOf(event.target as Element);
      if (event.key !== "Enter" || event.target !== row?.article) return;
      event.preventDefault();
      options.inspect(row.message);
    });
    store.on("message", (message) => this.#take(message));
    store.on("answered", (message) => {
      this.#history?.replace(message);
      beforeFrame(this.#render);
    });
    store.on("exchange", (exchange) => {
      if (messagesOf(exchange).some((id) => this.#rows.has(id))) beforeFrame(this.#render);
      else if (exchange.kind === "rest" && exchange.createdMessageId) beforeFrame(this.#render);
    });
    store.on("world", () => {
      this.#rows.clear();
      beforeFrame(this.#render);
    });
  }

  async show(history: History | undefined): Promise<void> {
    this.#history = history;
    this.#rows.clear();
    this.#active = undefined;
    this.#pinned = true;
    this.#unseen = 0;
    this.#render();
    if (!history) return;
    await history.load();
    if (this.#history === history) this.#render();
  }

  markInspected(id: string | undefined): void {
    this.#inspected = id;
    beforeFrame(this.#render);
  }

  /** Puts the focus on a message, if it is there. */
  focus(id: string | undefined): boolean {
    const row = id === undefined ? undefined : this.#rows.get(id);
    row?.article.focus();
    return row !== undefined;
  }

  reload(): void {
    void this.show(this.#history);
  }

  #take(message: Message): void {
    const history = this.#history;
    const isNew = history?.messages.every(({ id }) => id !== message.id);
    if (!history?.take(message)) return;
    if (isNew && !this.#pinned && message.sender !== store.me && message.category !== "action") this.#unseen += 1;
    if (isNew && message.sender === store.me) {
      if (!history.hasEnd) return this.#options.restart();
      this.#pinned = true;
    }
    beforeFrame(this.#render);
  }

  readonly #render = (): void => {
    const history = this.#history;
    const active = this.#active;
    const hadFocus = active?.article.contains(document.activeElement);
    if (this.#pinned) history?.trim();
    const shown = (history?.messages ?? []).filter((message) => !isNoise(message));
    const held = new Set(shown.map(({ id }) => id));
    for (const id of this.#rows.keys()) if (!held.has(id)) this.#rows.delete(id);
    let former: Message | undefined;
    const elements = shown.map((message) => {
      const row = this.#rows.get(message.id) ?? new Row(message, this.#options);
      this.#rows.set(message.id, row);
      const startsDay = !former || dayKey(former.sentAt) !== dayKey(message.sentAt);
      const startsGroup = startsDay || !continues(message, former);
      const inspected = message.id === this.#inspected;
      row.update(message, { startsDay, startsGroup, inspected, trace: traceOf(message) });
      former = message;
      return row.element;
    });
    arrange(this.#list, elements);
    this.#drawNote(shown.length);
    this.#drawJump();
    if (active && this.#rows.has(active.message.id)) {
      this.#activate(active.article);
      const article = this.#rows.get(active.message.id)?.article;
      if (hadFocus && !article?.contains(document.activeElement)) article?.focus({ preventScroll: true });
    }
    this.#keepTabStop();
    if (this.#pinned) this.#toEnd();
  };

  #drawNote(messages: number): void {
    const history = this.#history;
    const state = !history
      ? "none"
      : history.state !== "ready"
        ? history.state
        : messages === 0
          ? "empty"
          : history.hasOlder
            ? "older"
            : "start";
    if (this.#note.dataset["state"] === state && state !== "empty") return;
    this.#note.dataset["state"] = state;
    if (state === "loading") put(this.#note, ...skeleton());
    else if (state === "failed") put(this.#note, this.#failure(history!.problem));
    else if (state === "empty") put(this.#note, this.#options.empty());
    else if (state === "older") put(this.#note, this.#olderButton());
    else put(this.#note);
  }

  #failure(problem: string): HTMLElement {
    const retry = el(
      "button",
      { class: "button", type: "button", onclick: () => this.reload() },
      icon("repeat"),
      "Try again",
    );
    return el("div", { class: "failure", role: "alert" }, icon("alert"), el("p", {}, problem), retry);
  }

  /** Scrolling up does the same; a keyboard needs something to press. */
  #olderButton(): HTMLElement {
    return el(
      "button",
      { class: "button small", type: "button", onclick: () => void this.#loadOlder() },
      "Load older messages",
    );
  }

  async #loadOlder(): Promise<void> {
    const history = this.#history;
    if (!(await history?.loadOlder()) || this.#history !== history) return;
    const fromEnd = this.#scroller.scrollHeight - this.#scroller.scrollTop;
    this.#render();
    this.#scroller.scrollTop = this.#scroller.scrollHeight - fromEnd;
  }

  #scrolled(): void {
    const { scrollTop, scrollHeight, clientHeight } = this.#scroller;
    this.#pinned = scrollHeight - scrollTop - clientHeight < AT_END && (this.#history?.hasEnd ?? true);
    if (this.#pinned) this.#unseen = 0;
    if (scrollTop < clientHeight && this.#history?.hasOlder) void this.#loadOlder();
    this.#drawJump();
  }

  #toEnd(): void {
    this.#scroller.scrollTop = this.#scroller.scrollHeight;
  }

  #jumpToEnd(): void {
    if (!this.#history?.hasEnd) return this.#options.restart();
    this.#pinned = true;
    this.#toEnd();
  }

  #drawJump(): void {
    this.#jump.hidden = this.#pinned;
    const words = this.#unseen > 0 ? count(this.#unseen, "new message") : "Latest";
    if (this.#jump.textContent !== words) put(this.#jump, icon("down"), words);
  }

  #rowOf(element: Element): Row | undefined {
    return this.#rows.get(element.closest<HTMLElement>(".row")?.dataset["id"] ?? "");
  }

  /** One message at a time has the toolbar, and only what is in it are tab stops: a long list must not be a long way. */
  #activate(target: Element): void {
    const row = this.#rowOf(target);
    if (!row || !target.closest(".message") || (row === this.#active && row.article.querySelector(".toolbar"))) return;
    this.#deactivate();
    this.#active = row;
    for (const stop of row.article.querySelectorAll<HTMLElement>("[data-stop]")) stop.tabIndex = 0;
    if (row.isSpoken) row.article.append(this.#options.toolbar(row.message));
  }

  #deactivate(): void {
    const article = this.#active?.article;
    article?.querySelector(".toolbar")?.remove();
    for (const stop of article?.querySelectorAll<HTMLElement>("[data-stop]") ?? []) stop.tabIndex = -1;
    this.#active = undefined;
  }

  /** Without the focus in the list, the way in leads to the newest message. */
  #keepTabStop(): void {
    if (this.#list.contains(document.activeElement)) return;
    const articles = this.#list.querySelectorAll<HTMLElement>(".message");
    for (const article of this.#list.querySelectorAll<HTMLElement>('.message[tabindex="0"]')) article.tabIndex = -1;
    const last = articles[articles.length - 1];
    if (last) last.tabIndex = 0;
  }
}

/** The message itself shows that it was edited or deleted. */
function isNoise({ category, data }: Message): boolean {
  return category === "action" && (data.action === "edited" || data.action === "deleted");
}

function continues(message: Message, former: Message | undefined): boolean {
  return former?.sender === message.sender && former.category !== "action" && message.sentAt - former.sentAt < TOGETHER;
}

function skeleton(): HTMLElement[] {
  const bars = ["other", "own", "other"].map((side) => el("div", { class: `bar ${side}` }));
  return [el("p", { class: "visually-hidden" }, "Loading messages"), ...bars];
}
