/** The stream of what happens, and what to do when it breaks. */

import type { EmulatorEvent } from "../api.ts";
import { store } from "./store.ts";

const TYPES: EmulatorEvent["type"][] = [
  "message",
  "message-changed",
  "exchange",
  "callback-health",
  "world",
  "settings",
  "reset",
];

const AGAIN_MS = 1000;

/** Listens for as long as the page is there. With every new connection the state is fetched anew. */
export function listen(): void {
  const source = new EventSource("/emulator/events");
  source.addEventListener("open", () => {
    store.load().then(
      () => store.connectionIs("live"),
      () => restart(source),
    );
  });
  source.addEventListener("error", () => {
    store.connectionIs("lost");
    // A browser tries again by itself, unless it got an answer that is no stream.
    if (source.readyState === EventSource.CLOSED) restart(source);
  });
  for (const type of TYPES) {
    source.addEventListener(type, (event: MessageEvent<string>) =>
      store.apply(JSON.parse(event.data) as EmulatorEvent),
    );
  }
}

function restart(source: EventSource): void {
  source.close();
  store.connectionIs("lost");
  setTimeout(listen, AGAIN_MS);
}
