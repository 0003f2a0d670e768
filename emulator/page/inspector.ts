/** How a message got where it is: callbacks and their answers, and the REST calls that the bot made for it. */

import type { CallbackExchange, Exchange, HttpRecord, Message, RestExchange } from "../api.ts";
import { api } from "./api.ts";
import { arrange, beforeFrame, el, put } from "./dom.ts";
import { messagesOf } from "./exchanges.ts";
import { icon } from "./icons.ts";
import { copyButton, jsonView } from "./json.ts";
import { openPanel } from "./panel.ts";
import { problemOf, store } from "./store.ts";
import { clockTime, duration, exactTime, nameOf, preview } from "./words.ts";

const CAUSES: Record<CallbackExchange["cause"], string> = {
  message: "",
  retry: "Retry",
  duplicate: "Duplicate",
  replay: "Replay",
  raw: "By hand",
};

/** Of exchanges without an HTTP status. */
const OUTCOMES: Record<Exchange["outcome"], string> = {
  pending: "Waiting",
  answered: "Answered",
  timeout: "No answer",
  failed: "Failed",
  dropped: "Dropped",
  cut: "Cut off",
  unanswered: "Client gave up",
};

/** Told which message is being inspected, or that none is. */
const watchers = new Set<(id: string | undefined) => void>();

export function onInspect(watcher: (id: string | undefined) => void): void {
  watchers.add(watcher);
}

export function inspect(message: Message): void {
  const list = el("ol", { class: "exchanges", "aria-label": "Callbacks and REST calls" });
  const note = el("div", { class: "list-note" });
  const cards = new Map<number, Card>();
  let state: "loading" | "ready" | string = "loading";

  const draw = () => {
    const exchanges = store.exchanges.of(message.id);
    const elements = exchanges.map((exchange) => {
      const card = cards.get(exchange.id) ?? new Card(exchange.kind, message, exchanges.length <= 2);
      cards.set(exchange.id, card);
      card.update(exchange);
      return card.element;
    });
    arrange(list, elements);
    put(
      note,
      exchanges.length > 0
        ? undefined
        : state === "loading"
          ? "Loading …"
          : state === "ready"
            ? nothing(message)
            : state,
    );
  };
  const stop = store.on("exchange", (exchange) => {
    if (messagesOf(exchange).includes(message.id)) beforeFrame(draw);
  });
  openPanel({
    title: "Inspector",
    subtitle: `${nameOf(message.sender)}, ${clockTime(message.sentAt)}`,
    body: el("div", { class: "inspector" }, head(message), list, note, raw(message)),
    closed: () => {
      stop();
      tell(undefined);
    },
  });
  tell(message.id);
  draw();
  api.exchanges({ messageId: message.id, limit: 500 }).then(
    ({ exchanges }) => {
      state = "ready";
      store.note(exchanges);
      draw();
    },
    (error: Error) => {
      state = error.message;
      draw();
    },
  );
}

function tell(id: string | undefined): void {
  for (const watcher of watchers) watcher(id);
}

function head(message: Message): HTMLElement {
  return el(
    "div",
    { class: "inspected-message" },
    el("blockquote", { class: "quote" }, el("p", {}, preview(message))),
    el(
      "dl",
      {},
      ...term("Message", message.id),
      ...(message.muid ? term("muid", message.muid) : []),
      ...term("Sent", exactTime(message.sentAt)),
    ),
  );
}

function term(name: string, value: string): HTMLElement[] {
  return [el("dt", {}, name), el("dd", {}, value)];
}

function nothing(message: Message): HTMLElement {
  const text =
    store.botsIn({ receiverType: message.receiverType, receiver: message.receiver }).length === 0
      ? "No bot hears this chat, so nothing was delivered."
      : "Nothing was delivered for this message, or it was so long ago that it is forgotten.";
  return el("p", { class: "quiet" }, text);
}

function raw(message: Message): HTMLElement {
  return el("section", { class: "raw" }, section("Message as CometChat shows it", message, false));
}

/** One delivery or call. Its parts are kept when more becomes known, so that what was unfolded stays so. */
class Card {
  readonly element: HTMLLIElement;
  readonly #summary = el("summary");
  readonly #parts = el("div", { class: "parts" });
  readonly #about: Message;
  #drawn: Exchange | undefined;
  #shape = "";

  constructor(kind: Exchange["kind"], about: Message, open: boolean) {
    this.#about = about;
    this.element = el("li", { class: `exchange ${kind}` }, el("details", { open }, this.#summary, this.#parts));
  }

  update(exchange: Exchange): void {
    const shape = `${exchange.outcome} ${exchange.kind === "callback" ? exchange.retryIn : exchange.createdMessageId}`;
    if (exchange === this.#drawn || shape === this.#shape) return;
    this.#drawn = exchange;
    this.#shape = shape;
    put(this.#summary, ...summary(exchange));
    put(this.#parts, ...facts(exchange, this.#about), ...sides(exchange));
  }
}

function summary(exchange: Exchange): HTMLElement[] {
  const isCallback = exchange.kind === "callback";
  const direction = isCallback
    ? `To ${exchange.bot ? nameOf(exchange.bot) : `webhook ${exchange.webhook ?? ""}`}`
    : `${exchange.method} ${exchange.path}`;
  const labels = isCallback
    ? [exchange.trigger, CAUSES[exchange.cause], exchange.attempt > 1 ? `Attempt ${exchange.attempt}` : ""]
    : [exchange.operation ?? "Unknown endpoint"];
  return [
    el(
      "span",
      { class: "line" },
      el("span", { class: "kind" }, isCallback ? "Callback" : "REST"),
      el("strong", {}, direction),
      status(exchange),
    ),
    el(
      "span",
      { class: "labels" },
      ...labels.filter(Boolean).map((label) => el("span", { class: "label" }, label)),
      exchange.fault !== undefined
        ? el("span", { class: "label fault" }, icon("alert"), `Fault ${exchange.fault}`)
        : el("span"),
      el("span", { class: "ms" }, exchange.ms === undefined ? "…" : duration(exchange.ms)),
    ),
  ];
}

function status(exchange: Exchange): HTMLElement {
  const code = exchange.response?.status;
  const tone = exchange.outcome === "pending" ? "wait" : code !== undefined && code < 300 ? "ok" : "bad";
  return el("span", { class: `status ${tone}` }, code === undefined ? OUTCOMES[exchange.outcome] : String(code));
}

function facts(exchange: Exchange, about: Message): HTMLElement[] {
  const problem = exchange.kind === "callback" ? problemOf(exchange) : undefined;
  const found = problem ? [el("p", { class: "problem" }, icon("alert"), problem)] : [];
  if (exchange.kind === "callback") {
    const { retryIn, url } = exchange;
    found.push(el("p", { class: "url" }, `POST ${url}`));
    if (retryIn !== undefined)
      found.push(el("p", { class: "quiet" }, `The next attempt is made ${duration(retryIn * 1000)} later.`));
    return found;
  }
  const link = linkBetween(exchange, about);
  if (link) found.push(el("p", { class: "quiet" }, link));
  return found;
}

/** How it is known that a call belongs to a message. */
function linkBetween(
  { createdMessageId, answers, response, outcome }: RestExchange,
  about: Message,
): string | undefined {
  if (createdMessageId === about.id) {
    if (!answers) return "This call has created the message.";
    const how = { metadata: "data.metadata.halley says so", muid: "its muid says so", time: "it came next" }[
      answers.by
    ];
    return `This call has created the message, in answer to message ${answers.messageId}: ${how}.`;
  }
  if (createdMessageId !== undefined)
    return `Has created message ${createdMessageId}${response?.status === 200 ? "" : ", though the bot was not told"}.`;
  return outcome === "pending" ? undefined : "Has created no message.";
}

function sides(exchange: Exchange): HTMLElement[] {
  const { request, response } = exchange;
  return [...side("Request", request), ...(response ? side("Answer", response) : [])];
}

function side(name: string, { headers, body }: HttpRecord): HTMLElement[] {
  return [section(`${name} headers`, headers, false), ...(body === "" ? [] : [section(`${name} body`, body, true)])];
}

function section(title: string, value: unknown, open: boolean): HTMLElement {
  const content = el("div", { class: "content" });
  const details = el("details", { class: "section", open }, el("summary", {}, title), content);
  const fill = () => {
    if (content.childElementCount > 0 || !details.open) return;
    const shown = typeof value === "string" ? el("pre", {}, value) : jsonView(value, 2);
    content.append(
      copyButton(() => value, title),
      shown,
    );
  };
  details.addEventListener("toggle", fill);
  fill();
  return details;
}
