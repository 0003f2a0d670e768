/** What became of a message, in a few words: the line below its bubble. */

import type { CallbackExchange, Message } from "../api.ts";
import { problemOf, store } from "./store.ts";
import { count, duration, nameOf } from "./words.ts";

export interface Trace {
  tone: "wait" | "ok" | "warn" | "bad";
  text: string;
}

/** Of a bot's message: how long it took. Of anyone's: how the bots took it. Undefined if no bot has to do with it. */
export function traceOf(message: Message): Trace | undefined {
  return answerTrace(message) ?? deliveryTrace(message);
}

function answerTrace({ id }: Message): Trace | undefined {
  const call = store.exchanges.creatorOf(id);
  if (!call?.answers) return undefined;
  const question = store.exchanges.callbacksOf(call.answers.messageId).find(({ outcome }) => outcome !== "dropped");
  if (!question || call.at < question.at) return undefined;
  const text = `Answered after ${duration(call.at + (call.ms ?? 0) - question.at)}`;
  return call.fault ? { tone: "warn", text: `${text} · fault ${call.fault}` } : { tone: "ok", text };
}

function deliveryTrace({ id }: Message): Trace | undefined {
  const callbacks = store.exchanges.callbacksOf(id);
  const latest = callbacks.at(-1);
  if (!latest) return undefined;
  const trace = outcome(latest, callbacks);
  const failed = store.exchanges
    .callsFor(id)
    .filter((call) => call.outcome !== "pending" && call.response?.status !== 200);
  if (failed.length === 0) return trace;
  return {
    tone: trace.tone === "bad" ? "bad" : "warn",
    text: `${trace.text} · ${count(failed.length, "failed REST call")}`,
  };
}

function outcome(latest: CallbackExchange, all: CallbackExchange[]): Trace {
  const bot = nameOf(latest.bot ?? "");
  const waiting = all.find((exchange) => exchange.outcome === "pending");
  const taken = all.filter(({ response }) => response?.status === 200);
  const [first] = taken;
  if (first) {
    const tries = first.attempt > 1 ? ` at attempt ${first.attempt}` : "";
    const copies = taken.length > 1 ? ` · delivered ${taken.length} times` : "";
    return { tone: "ok", text: `${bot} took it${tries} in ${duration(first.ms ?? 0)}${copies}` };
  }
  if (waiting)
    return {
      tone: "wait",
      text: waiting.attempt > 1 ? `Calling ${bot}, attempt ${waiting.attempt} …` : `Calling ${bot} …`,
    };
  if (latest.outcome === "dropped")
    return { tone: "warn", text: `Never delivered: ${latest.fault ?? latest.problem ?? "dropped"}` };
  const next = latest.retryIn === undefined ? "" : ` Again in ${duration(latest.retryIn * 1000)}.`;
  return { tone: "bad", text: `${problemOf(latest) ?? `${bot} did not take it.`}${next}` };
}
