/** Puts the page together. */

import { ChatList } from "./chats.ts";
import { Conversation } from "./conversation.ts";
import { byId, put } from "./dom.ts";
import { listen } from "./events.ts";
import type { IconName } from "./icons.ts";
import { icon } from "./icons.ts";
import { openMenu } from "./menu.ts";
import { closePanel, initPanel } from "./panel.ts";
import { chooseChat, choosePerson } from "./people.ts";
import { CHATS, chatIn, linkTo } from "./route.ts";
import { initSettingsButton } from "./settings.ts";
import { initStatus } from "./status.ts";
import { store } from "./store.ts";
import type { Theme } from "./theme.ts";
import { setTheme, storedTheme } from "./theme.ts";

const THEMES: Record<Theme, [label: string, icon: IconName]> = {
  auto: ["Like the system", "screen"],
  light: ["Light", "sun"],
  dark: ["Dark", "moon"],
};

new ChatList();
const conversation = new Conversation();
initPanel();
initStatus();
initSettingsButton();
initTheme();
byId("speak-as").addEventListener("click", choosePerson);
byId("skip").addEventListener("click", (event) => {
  event.preventDefault();
  conversation.focus();
});
byId("new-chat").addEventListener("click", chooseChat);
addEventListener("hashchange", () => {
  closePanel();
  follow();
  if (store.chat) conversation.focus();
});
const stop = store.on("connection", (connection) => {
  document.body.classList.toggle("starting", connection === "connecting");
  if (connection !== "live") return;
  stop();
  start();
});
listen();

/** The first visit leads to the bot, where a first answer is one click away. */
function start(): void {
  const first = store.state?.bots[0];
  if (location.hash === "" && first) {
    history.replaceState(null, "", linkTo({ receiverType: "user", receiver: first.user.uid }));
  }
  follow();
  // On a phone the keyboard would cover the page before it was seen.
  if (matchMedia("(pointer: fine)").matches && store.chat) conversation.focus();
}

function follow(): void {
  document.body.classList.toggle("at-list", location.hash === CHATS || location.hash === "");
  const chat = chatIn(location.hash);
  // On a wide screen the list stands beside the chat, which stays open.
  if (chat || !store.chat) store.open(chat);
}

function initTheme(): void {
  const button = byId("theme");
  const draw = () => put(button, icon(THEMES[storedTheme()][1]));
  button.addEventListener("click", () => {
    const themes = Object.entries(THEMES) as [Theme, [string, IconName]][];
    const choose = (theme: Theme) => {
      setTheme(theme);
      draw();
    };
    openMenu(
      button,
      "Colours",
      themes.map(([theme, [label, name]]) => ({ label, icon: name, run: () => choose(theme) })),
    );
  });
  draw();
}
