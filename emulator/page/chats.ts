/** The list of chats at the side, and who one speaks as. */

import type { ConversationSummary } from "../api.ts";
import { avatar, botBadge, chatAvatar } from "./avatar.ts";
import { arrange, arrowKeys, beforeFrame, byId, el, put } from "./dom.ts";
import { icon } from "./icons.ts";
import { linkTo } from "./route.ts";
import type { Chat } from "./store.ts";
import { store } from "./store.ts";
import { count, nameOf, preview, shortTime, titleOf } from "./words.ts";

const PAGE = 100;

/** One line of the list. */
interface Line {
  chat: Chat;
  summary: ConversationSummary | undefined;
}

export class ChatList {
  readonly #list = byId<HTMLUListElement>("chats");
  readonly #more = byId<HTMLButtonElement>("more-chats");
  readonly #rows = new Map<string, { element: HTMLLIElement; looks: string }>();
  #shown = PAGE;

  constructor() {
    arrowKeys(this.#list, "a");
    this.#more.addEventListener("click", () => {
      this.#shown += PAGE;
      this.#draw();
    });
    store.on("world", () => {
      for (const row of this.#rows.values()) row.looks = "";
      beforeFrame(this.#draw);
    });
    store.on("conversations", () => beforeFrame(this.#draw));
    store.on("health", () => beforeFrame(this.#draw));
  }

  readonly #draw = (): void => {
    this.#drawPerson();
    const lines = linesOf();
    const shown = lines.slice(0, this.#shown);
    const keys = new Set(shown.map(({ chat }) => linkTo(chat)));
    for (const key of this.#rows.keys()) if (!keys.has(key)) this.#rows.delete(key);
    arrange(
      this.#list,
      shown.map((line) => this.#row(line)),
    );
    this.#more.hidden = shown.length === lines.length;
    this.#more.textContent = `Show more of ${count(lines.length - shown.length, "chat")}`;
    byId("no-chats").hidden = lines.length > 0 || !store.state;
    if (this.#list.querySelector('a[tabindex="0"]')) return;
    const stop = this.#list.querySelector<HTMLElement>("a[aria-current]") ?? this.#list.querySelector("a");
    if (stop) stop.tabIndex = 0;
  };

  #drawPerson(): void {
    const { me } = store;
    put(
      byId("speak-as"),
      avatar(me),
      el(
        "span",
        { class: "words" },
        el("small", {}, "You speak as"),
        el("strong", {}, me === "" ? "nobody: add a person" : nameOf(me)),
      ),
      icon("chevron"),
    );
  }

  #row(line: Line): HTMLLIElement {
    const key = linkTo(line.chat);
    const row = this.#rows.get(key) ?? { element: el("li"), looks: "" };
    this.#rows.set(key, row);
    const { lastMessage, unread } = line.summary ?? {};
    const number = unread?.[store.me] ?? 0;
    const isOpen = store.chat?.receiver === line.chat.receiver && store.chat.receiverType === line.chat.receiverType;
    const isTroubled = line.chat.receiverType === "user" && store.trouble(line.chat.receiver) !== undefined;
    const looks = JSON.stringify([
      lastMessage?.id,
      lastMessage?.updatedAt,
      lastMessage?.data.text,
      number,
      isOpen,
      isTroubled,
    ]);
    if (looks === row.looks) return row.element;
    row.looks = looks;
    const hadStop = row.element.querySelector('a[tabindex="0"]') !== null;
    const hadFocus = row.element.contains(document.activeElement);
    const link = this.#link(line, number, isOpen, isTroubled);
    link.tabIndex = hadStop ? 0 : -1;
    put(row.element, link);
    if (hadFocus) link.focus();
    return row.element;
  }

  #link({ chat, summary }: Line, unread: number, isOpen: boolean, isTroubled: boolean): HTMLAnchorElement {
    const last = summary?.lastMessage;
    return el(
      "a",
      { href: linkTo(chat), "aria-current": isOpen && "page", class: unread > 0 ? "chat-link unread" : "chat-link" },
      chatAvatar(chat),
      el(
        "span",
        { class: "words" },
        el(
          "span",
          { class: "line" },
          el("strong", {}, titleOf(chat)),
          chat.receiverType === "user" && store.isBot(chat.receiver) && botBadge(),
          last && el("time", {}, shortTime(last.sentAt)),
        ),
        el(
          "span",
          { class: "line" },
          el("span", { class: "preview" }, last ? previewLine(chat, summary) : descriptionOf(chat)),
          isTroubled &&
            el("span", { class: "trouble", title: "Its callback is in trouble" }, icon("alert"), hidden("in trouble")),
          unread > 0 && el("span", { class: "count" }, String(unread), hidden(" unread")),
        ),
      ),
    );
  }
}

function hidden(text: string): HTMLElement {
  return el("span", { class: "visually-hidden" }, text);
}

/** Chats of the person, the latest first; then bots and groups in which nothing was said yet. */
function linesOf(): Line[] {
  const { me, state, chat: open } = store;
  const lines = new Map<string, Line>();
  for (const summary of store.conversations) {
    const chat = chatOf(summary, me);
    if (chat && isSeen(chat)) lines.set(linkTo(chat), { chat, summary });
  }
  const known = [...lines.values()].sort((one, other) => newestFirst(one.summary!, other.summary!));
  const quiet: Chat[] = [
    ...(state?.bots ?? []).map(({ user }): Chat => ({ receiverType: "user", receiver: user.uid })),
    ...(state?.groups ?? []).map(({ group }): Chat => ({ receiverType: "group", receiver: group.guid })).filter(isSeen),
    ...(open ? [open] : []),
  ];
  for (const chat of quiet) {
    if (!lines.has(linkTo(chat))) lines.set(linkTo(chat), { chat, summary: undefined });
  }
  return [...known, ...[...lines.values()].filter(({ summary }) => !summary)];
}

/** Groups are seen by their members. */
function isSeen({ receiverType, receiver }: Chat): boolean {
  return receiverType === "user" || (store.group(receiver)?.members.some(({ uid }) => uid === store.me) ?? false);
}

function newestFirst({ lastMessage: one }: ConversationSummary, { lastMessage: other }: ConversationSummary): number {
  return other.id.length - one.id.length || (other.id < one.id ? -1 : 1);
}

function chatOf({ conversationType, guid, uids }: ConversationSummary, me: string): Chat | undefined {
  if (conversationType === "group") return guid === undefined ? undefined : { receiverType: "group", receiver: guid };
  if (!uids?.includes(me)) return undefined;
  return { receiverType: "user", receiver: uids[0] === me ? uids[1] : uids[0] };
}

function previewLine({ receiverType }: Chat, { lastMessage }: ConversationSummary): string {
  const text = preview(lastMessage);
  if (lastMessage.category === "action") return text;
  if (lastMessage.sender === store.me) return `You: ${text}`;
  if (receiverType === "user") return text;
  const name = nameOf(lastMessage.sender);
  return `${store.isBot(lastMessage.sender) ? name : name.split(" ")[0]}: ${text}`;
}

function descriptionOf({ receiverType, receiver }: Chat): string {
  if (receiverType === "group") return count(store.group(receiver)?.members.length ?? 0, "member");
  return store.isBot(receiver) ? "Say hi" : receiver;
}
