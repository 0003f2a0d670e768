/** The middle of the page: a chat with its messages, suggestions and composer. */

import type { Message } from "../api.ts";
import { api } from "./api.ts";
import { chatAvatar } from "./avatar.ts";
import { Composer } from "./composer.ts";
import { beforeFrame, byId, el, put } from "./dom.ts";
import { openReplay, saveFixture } from "./fixtures.ts";
import { History } from "./history.ts";
import { icon } from "./icons.ts";
import { inspect, onInspect } from "./inspector.ts";
import { say } from "./live.ts";
import { mentioned } from "./mentions.ts";
import { openMenu } from "./menu.ts";
import { MessageList } from "./message-list.ts";
import { toggleReaction, toolbar } from "./message-actions.ts";
import { joinGroup } from "./people.ts";
import { go } from "./route.ts";
import type { Chat } from "./store.ts";
import { store } from "./store.ts";
import { ThreadView } from "./thread.ts";
import { count, nameOf, preview, titleOf } from "./words.ts";

/** Messages in a chat after which nobody needs suggestions. */
const ENOUGH = 8;

/** Wait so that a burst of messages is marked as read once. */
const READ_AFTER_MS = 150;

export class Conversation {
  readonly #composer: Composer;
  readonly #list: MessageList;
  readonly #thread = new ThreadView();
  #history: History | undefined;
  #readTimer: ReturnType<typeof setTimeout> | undefined;

  constructor() {
    this.#composer = new Composer({ label: "Message", changed: () => this.#drawHint() });
    const openThread = (parent: Message) => store.chat && this.#thread.open(store.chat, parent);
    this.#list = new MessageList({
      label: "Messages",
      empty: () => this.#empty(),
      inspect,
      react: toggleReaction,
      openThread,
      toolbar: (message) => toolbar(message, this.#composer, openThread),
      restart: () => this.#load(),
    });
    byId("messages").replaceWith(this.#list.element);
    byId("compose").append(this.#composer.element);
    byId("chat-menu").addEventListener("click", () => this.#openMenu());
    onInspect((id) => this.#list.markInspected(id));
    store.on("fresh", () => this.#load());
    store.on("world", () => beforeFrame(this.#drawFrame));
    store.on("conversations", () => beforeFrame(this.#drawSuggestions));
    store.on("message", (message) => this.#heard(message));
    document.addEventListener("visibilitychange", () => this.#markRead());
  }

  focus(): void {
    this.#composer.focus();
  }

  #load(): void {
    const { chat, me, state } = store;
    if (!state) return;
    this.#drawFrame();
    this.#history = chat && new History(chat, me);
    this.#composer.setTarget(chat && { chat }, chat ? `Message ${titleOf(chat)}` : "");
    this.#drawSuggestions();
    void this.#list.show(this.#history).then(() => {
      this.#drawSuggestions();
      this.#markRead();
      const conversationId = this.#history?.conversationId;
      if (conversationId === undefined) return;
      void api.exchanges({ conversationId, limit: 200 }).then(
        ({ exchanges }) => store.note(exchanges),
        () => {}, // the messages are there; only what became of them is not shown
      );
    });
  }

  readonly #drawFrame = (): void => {
    const { chat } = store;
    byId("chat").classList.toggle("closed", !chat);
    if (!chat) return;
    document.title = `${titleOf(chat)} · Halley`;
    put(byId("chat-avatar"), chatAvatar(chat));
    put(byId("chat-title"), titleOf(chat));
    put(byId("chat-subtitle"), subtitle(chat));
    this.#drawHint();
    this.#drawMembership(chat);
  };

  #drawMembership(chat: Chat): void {
    const isOutside = chat.receiverType === "group" && !isMember(chat.receiver);
    const exists = chat.receiverType === "group" ? store.group(chat.receiver) : store.user(chat.receiver);
    const outside = byId("outside");
    const shut = isOutside || !exists;
    outside.hidden = !shut;
    byId("compose").hidden = shut;
    if (!shut) return put(outside);
    const join = el("button", { class: "button primary", type: "button" }, "Join");
    join.addEventListener("click", async () => {
      try {
        await joinGroup(chat.receiver);
        await store.load();
      } catch (error) {
        put(outside, el("p", { class: "problem", role: "alert" }, icon("alert"), (error as Error).message), join);
      }
    });
    const words = exists ? `${nameOf(store.me)} is not a member of ${titleOf(chat)}.` : "There is nobody with this id.";
    put(outside, el("p", {}, words), exists && join);
  }

  readonly #drawSuggestions = (): void => {
    const { chat } = store;
    const place = byId("suggestions");
    const summary = chat && store.summary(chat);
    const bot = chat && store.botsIn(chat)[0];
    const isLoading = this.#history?.state === "loading";
    if (!chat || !bot || isLoading || (summary?.messageCount ?? 0) > ENOUGH) return put(place);
    const looks = JSON.stringify([chat, store.me, bot.user.uid, store.state?.groups.length]);
    if (place.dataset["looks"] === looks && place.childElementCount > 0) return;
    place.dataset["looks"] = looks;
    const isGroup = chat.receiverType === "group";
    const mention = `@${bot.user.name}`;
    if (isGroup)
      return put(place, ...[`${mention} hi`, "/help", "Good morning, everyone"].map((text) => this.#suggestion(text)));
    const [hi, help, ...others] = ["hi", "/help", "/remember the meeting is at ten", "/notes"].map((text) =>
      this.#suggestion(text),
    );
    put(place, hi, help, groupLink(bot.user.uid), ...others);
  };

  #suggestion(text: string): HTMLElement {
    const chip = el("button", { class: "chip", type: "button" }, text);
    chip.addEventListener("click", () => {
      void this.#composer.say(text);
      this.#composer.focus();
    });
    return chip;
  }

  /** In a group: whether the bot will hear what is being written. */
  #drawHint(): void {
    const place = byId("hint");
    const { chat } = store;
    const bot = chat?.receiverType === "group" && isMember(chat.receiver) ? store.botsIn(chat)[0] : undefined;
    if (!bot) return put(place);
    const { uid, name } = bot.user;
    const isMentioned = mentioned(this.#composer.wire).includes(uid);
    const looks = `${uid} ${name} ${bot.bot.groupChatSetting} ${isMentioned}`;
    if (place.dataset["looks"] === looks && place.childElementCount > 0) return;
    place.dataset["looks"] = looks;
    if (isMentioned) return put(place, el("span", { class: "good" }, icon("check"), `${name} is mentioned.`));
    if (bot.bot.groupChatSetting === "none")
      return put(place, el("span", {}, `${name} is told of nothing that is said in groups (groupChatSetting: none).`));
    const mention = el(
      "button",
      { class: "link", type: "button", onclick: () => this.#composer.mention(uid, name) },
      `Mention ${name}`,
    );
    put(place, el("span", {}, icon("at"), "In a group, mention a bot when you mean it. "), mention);
  }

  #empty(): HTMLElement {
    const { chat, me } = store;
    if (!chat) return el("p");
    const bot = store.botsIn(chat)[0];
    const isGroup = chat.receiverType === "group";
    const words = !bot
      ? `Nothing was said yet between ${nameOf(me)} and ${titleOf(chat)}.`
      : isGroup
        ? `${bot.user.name} is a member. Mention it, and it answers; otherwise it may keep quiet.`
        : `What you write is posted to its callback. Say hi, and see what comes back.`;
    return el(
      "div",
      { class: "welcome" },
      chatAvatar(chat),
      el("h2", {}, isGroup ? titleOf(chat) : `Chat with ${titleOf(chat)}`),
      el("p", {}, words),
      bot && el("p", { class: "url" }, bot.bot.webhookURL),
    );
  }

  #openMenu(): void {
    const { chat } = store;
    const id = this.#history?.conversationId ?? (chat && store.summary(chat)?.conversationId);
    const save = {
      label: "Save as a fixture",
      icon: "download" as const,
      run: () => id !== undefined && chat && void saveFixture(id, titleOf(chat)),
    };
    openMenu(byId("chat-menu"), "Conversation", [
      ...(id === undefined ? [] : [save]),
      { label: "Replay a fixture …", icon: "repeat", run: openReplay },
    ]);
  }

  #heard(message: Message): void {
    const { chat, me } = store;
    if (!chat || message.sender === me || message.category === "action") return;
    if (this.#history?.conversationId !== message.conversationId) return;
    if (
      message.editedAt === undefined &&
      message.deletedAt === undefined &&
      message.sentAt === message.updatedAt &&
      !message.data.reactions
    ) {
      this.#announce(message);
    }
    this.#markRead();
  }

  #announce(message: Message): void {
    if (this.#announced === message.id) return;
    this.#announced = message.id;
    say(`${nameOf(message.sender)}: ${preview(message)}`);
  }

  #announced = "";

  #markRead(): void {
    clearTimeout(this.#readTimer);
    this.#readTimer = setTimeout(() => {
      const { chat, me } = store;
      if (!chat || document.hidden || !store.summary(chat)?.unread[me]) return;
      api.read({ person: me, ...chat }).catch(() => {}); // only a number in the list
    }, READ_AFTER_MS);
  }
}

function subtitle({ receiverType, receiver }: Chat): string {
  if (receiverType === "user") return store.isBot(receiver) ? `Bot · ${receiver}` : receiver;
  const members = store.group(receiver)?.members ?? [];
  const names = members.slice(0, 4).map(({ uid }) => (uid === store.me ? "you" : nameOf(uid)));
  return `${count(members.length, "member")}: ${names.join(", ")}${members.length > 4 ? " …" : ""}`;
}

function isMember(guid: string): boolean {
  return store.group(guid)?.members.some(({ uid }) => uid === store.me) ?? false;
}

/** The way to where a bot behaves differently. */
function groupLink(bot: string): HTMLElement | undefined {
  const group = store.state?.groups.find(({ members }) => {
    const uids = members.map(({ uid }) => uid);
    return uids.includes(bot) && uids.includes(store.me);
  })?.group;
  if (!group) return undefined;
  const open = () => go({ receiverType: "group", receiver: group.guid });
  return el("button", { class: "chip way", type: "button", onclick: open }, icon("group"), `Try it in ${group.name}`);
}
