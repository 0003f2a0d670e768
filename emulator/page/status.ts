/** What is wrong, said plainly and with what to do: the emulator is gone, or a bot does not take its callbacks. */

import { api } from "./api.ts";
import { beforeFrame, byId, el, put } from "./dom.ts";
import { icon } from "./icons.ts";
import { store } from "./store.ts";
import { nameOf } from "./words.ts";

/** How often a bot that cannot be reached is tried, while somebody looks. */
const CHECK_EVERY_MS = 3000;

export function initStatus(): void {
  const draw = () => beforeFrame(drawStatus);
  store.on("connection", draw);
  store.on("health", draw);
  store.on("world", draw);
  store.on("fresh", checkUnknown);
  setInterval(checkUnreachable, CHECK_EVERY_MS);
}

function drawStatus(): void {
  const isLost = store.connection === "lost";
  const banner = byId("connection");
  banner.hidden = !isLost;
  put(banner, isLost && icon("alert"), isLost && lost());
  const troubled = isLost || !store.chat ? [] : store.botsIn(store.chat).filter(({ user }) => store.trouble(user.uid));
  const place = byId("trouble");
  const looks = JSON.stringify(
    troubled.map(({ user }) => [user.uid, store.trouble(user.uid), store.isUnreachable(user.uid)]),
  );
  if (place.dataset["looks"] === looks) return;
  place.dataset["looks"] = looks;
  put(place, ...troubled.map(({ user }) => trouble(user.uid)));
}

function lost(): HTMLElement {
  return el(
    "p",
    {},
    el("strong", {}, "The emulator is not running. "),
    "Start it with ",
    el("code", {}, "npm start"),
    "; this page goes on by itself.",
  );
}

function trouble(uid: string): HTMLElement {
  const unreachable = store.isUnreachable(uid);
  const title = unreachable ? `${nameOf(uid)} cannot be reached.` : `${nameOf(uid)} does not take its callbacks.`;
  const advice = unreachable
    ? [
        "Start everything with ",
        el("code", {}, "npm start"),
        " and leave it running; this is tried again every few seconds.",
      ]
    : ["Inspect your last message to see what was posted and what was answered."];
  const again = el(
    "button",
    { class: "button small", type: "button", onclick: () => void check(uid) },
    icon("repeat"),
    "Try now",
  );
  return el(
    "div",
    { class: "banner bad", role: "alert" },
    icon("alert"),
    el("div", {}, el("p", {}, el("strong", {}, title)), el("p", {}, store.trouble(uid) ?? ""), el("p", {}, ...advice)),
    unreachable && again,
  );
}

/** Before the first message, nobody knows whether the bot is there. */
function checkUnknown(): void {
  for (const { user, callback } of store.state?.bots ?? []) {
    if (callback.state === "unknown") void check(user.uid);
  }
}

function checkUnreachable(): void {
  if (document.hidden || store.connection !== "live" || !store.chat) return;
  for (const { user } of store.botsIn(store.chat)) {
    if (store.isUnreachable(user.uid)) void check(user.uid);
  }
}

async function check(uid: string): Promise<void> {
  try {
    const { state, at, status, problem } = await api.checkCallback(uid);
    const callback = {
      state,
      ...(at !== undefined && { at }),
      ...(status !== undefined && { status }),
      ...(problem && { problem }),
    };
    store.apply({ type: "callback-health", bot: uid, callback });
  } catch {
    // The stream of events tells that the emulator is gone.
  }
}
