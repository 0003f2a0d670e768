/** `GET /emulator/events`: what happens, as server-sent events. Nothing is rendered while nobody listens. */

import type { IncomingMessage, ServerResponse } from "node:http";

import type { EmulatorEvent } from "../api.ts";
import type { App, Change } from "../app.ts";
import type { Deliveries } from "../deliveries.ts";
import type { StoredMessage } from "../messages.ts";
import { showConversation, showMessage } from "../render.ts";

/** Bytes that may wait for a slow listener before it is cut off; it connects again and fetches the state. */
const MAX_WAITING = 4 * 1024 * 1024;

/** So that proxies and browsers do not take a quiet connection for a dead one. */
const HEARTBEAT_MS = 15_000;

export class EventStream {
  readonly #app: App;
  readonly #listeners = new Set<ServerResponse>();
  readonly #heartbeat: NodeJS.Timeout;

  constructor(app: App, deliveries: Deliveries) {
    this.#app = app;
    app.listen((change) => {
      if (this.#listeners.size === 0) return;
      const event = this.#eventOf(change);
      if (event) this.#send(event);
    });
    app.exchanges.listen((exchange) => {
      if (this.#listeners.size > 0) this.#send({ type: "exchange", exchange });
    });
    deliveries.onHealth((bot, callback) => this.#send({ type: "callback-health", bot, callback }));
    this.#heartbeat = setInterval(() => this.#write(":\n\n"), HEARTBEAT_MS).unref();
  }

  handle(_incoming: IncomingMessage, outgoing: ServerResponse): void {
    outgoing.writeHead(200, { "Content-Type": "text/event-stream", "Cache-Control": "no-store", "X-Content-Type-Options": "nosniff" });
    outgoing.write("retry: 1000\n\n");
    this.#listeners.add(outgoing);
    outgoing.on("close", () => this.#listeners.delete(outgoing));
  }

  close(): void {
    clearInterval(this.#heartbeat);
    for (const listener of this.#listeners) listener.destroy();
  }

  #eventOf(change: Change): EmulatorEvent | undefined {
    switch (change.kind) {
      case "message":
        return this.#withConversation(change.message, (message, conversation) => ({ type: "message", message, conversation }));
      case "edited":
      case "deleted":
      case "reaction":
      case "interacted":
      case "receipt":
        return this.#withConversation(change.message, (message, conversation) => ({
          type: "message-changed",
          change: change.kind,
          message,
          conversation,
        }));
      case "world":
        return { type: "world" };
      case "settings":
        return { type: "settings", settings: this.#app.settings.show() };
      case "reset":
        return { type: "reset" };
    }
  }

  #withConversation(
    message: StoredMessage,
    event: (message: ReturnType<typeof showMessage>, conversation: NonNullable<ReturnType<typeof showConversation>>) => EmulatorEvent,
  ): EmulatorEvent | undefined {
    const conversation = showConversation(this.#app, message.conversation);
    return conversation && event(showMessage(this.#app, message, { audience: "own" }), conversation);
  }

  #send(event: EmulatorEvent): void {
    this.#write(`event: ${event.type}\ndata: ${JSON.stringify(event)}\n\n`);
  }

  #write(text: string): void {
    for (const listener of this.#listeners) {
      if (listener.writableLength > MAX_WAITING) listener.destroy();
      else listener.write(text);
    }
  }
}
