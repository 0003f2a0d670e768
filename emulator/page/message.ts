/** One message of a list. */

import type { Message } from "../api.ts";
import { avatar, botBadge } from "./avatar.ts";
import { contentOf } from "./content.ts";
import { el, put, setAttribute } from "./dom.ts";
import type { IconName } from "./icons.ts";
import { icon } from "./icons.ts";
import { store } from "./store.ts";
import type { Trace } from "./trace.ts";
import { actionText, clockTime, count, dayName, exactTime, nameOf, preview } from "./words.ts";

/** What depends on the messages around it, and on where it is shown. */
export interface Setting {
  /** The first of its day. */
  startsDay: boolean;
  /** Not by the same sender within minutes of the one before. */
  startsGroup: boolean;
  trace: Trace | undefined;
  inspected: boolean;
}

/** What can be done from inside a message. */
export interface RowActions {
  inspect: (message: Message) => void;
  react: (message: Message, reaction: string) => void;
  /** Absent inside a thread: threads have one level. */
  openThread?: (message: Message) => void;
}

const TONES: Record<Trace["tone"], IconName> = { wait: "clock", ok: "check", warn: "alert", bad: "alert" };

export class Row {
  readonly element = el("li", { class: "row" });
  message: Message;
  readonly #actions: RowActions;
  readonly #article = el("article", { class: "message", tabindex: -1 });
  readonly #trace = el("div", { class: "trace-line" });
  #drawn = "";
  #tracedAs = "";

  constructor(message: Message, actions: RowActions) {
    this.message = message;
    this.#actions = actions;
    this.element.dataset["id"] = message.id;
  }

  get article(): HTMLElement {
    return this.#article;
  }

  /** Whether anything can be done with it. */
  get isSpoken(): boolean {
    return this.message.category !== "action" && this.message.deletedAt === undefined;
  }

  /** Draws what has changed, and leaves the rest as it is: somebody may be filling in a form in it. */
  update(message: Message, setting: Setting): void {
    const { startsDay, startsGroup, trace, inspected } = setting;
    const looks = `${startsDay} ${startsGroup}`;
    if (message !== this.message || looks !== this.#drawn) {
      this.message = message;
      this.#drawn = looks;
      this.#draw(startsDay, startsGroup);
    }
    this.#article.classList.toggle("inspected", inspected);
    const tracedAs = trace ? `${trace.tone} ${trace.text}` : "";
    if (tracedAs === this.#tracedAs) return;
    this.#tracedAs = tracedAs;
    this.#drawTrace(trace);
  }

  #draw(startsDay: boolean, startsGroup: boolean): void {
    const { message, element } = this;
    const isOwn = message.sender === store.me;
    const day = startsDay && el("p", { class: "day" }, dayName(message.sentAt));
    if (message.category === "action") {
      element.className = "row action";
      put(element, day, el("p", {}, actionText(message), " · ", moment(message)));
      return;
    }
    element.className = `row ${isOwn ? "own" : "other"}${startsGroup ? " first" : ""}`;
    const name = nameOf(message.sender);
    this.#article.setAttribute("aria-label", `${name}, ${clockTime(message.sentAt)}: ${preview(message)}`);
    put(
      this.#article,
      startsGroup && el("header", {}, el("span", { class: "name" }, name), store.isBot(message.sender) && botBadge()),
      el(
        "div",
        { class: message.deletedAt === undefined ? "bubble" : "bubble empty" },
        contentOf(message),
        el(
          "footer",
          {},
          message.editedAt !== undefined && message.deletedAt === undefined && "edited · ",
          moment(message),
        ),
      ),
      this.#reactions(),
      this.#threadLink(),
      this.#trace,
    );
    put(element, day, startsGroup && !isOwn && avatar(message.sender), this.#article);
  }

  #reactions(): HTMLElement | undefined {
    const { reactions } = this.message.data;
    if (!reactions?.length) return undefined;
    const chips = reactions.map(({ reaction, count: number, reactedByMe }) =>
      el(
        "button",
        {
          class: "reaction",
          type: "button",
          "aria-pressed": String(reactedByMe),
          "aria-label": `${reaction}, ${number}`,
          "data-stop": true,
          tabindex: -1,
          onclick: () => this.#actions.react(this.message, reaction),
        },
        reaction,
        el("span", {}, String(number)),
      ),
    );
    return el("div", { class: "reactions" }, ...chips);
  }

  #threadLink(): HTMLElement | undefined {
    const { openThread } = this.#actions;
    const { replyCount } = this.message;
    if (!openThread || !replyCount) return undefined;
    const open = () => openThread(this.message);
    return el(
      "button",
      { class: "thread-link", type: "button", "data-stop": true, tabindex: -1, onclick: open },
      icon("thread"),
      count(replyCount, "reply", "replies"),
    );
  }

  #drawTrace(trace: Trace | undefined): void {
    if (!trace) return put(this.#trace);
    const isActive = this.#article.querySelector(".toolbar") !== null;
    const button = el(
      "button",
      { class: `trace ${trace.tone}`, type: "button", "data-stop": true, tabindex: isActive ? 0 : -1 },
      icon(TONES[trace.tone]),
      el("span", {}, trace.text),
    );
    button.addEventListener("click", () => this.#actions.inspect(this.message));
    setAttribute(button, "aria-label", `${trace.text.replace(/\.$/, "")}. Inspect`);
    put(this.#trace, button);
  }
}

function moment({ sentAt }: Message): HTMLElement {
  return el("time", { datetime: new Date(sentAt * 1000).toISOString(), title: exactTime(sentAt) }, clockTime(sentAt));
}
