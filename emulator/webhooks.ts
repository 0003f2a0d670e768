/** App-wide webhooks: the newer system, one event a delivery [D] S19, S21. */

import type { WebhookTarget } from "./api.ts";
import type { App, Change } from "./app.ts";
import type { Deliveries, Delivery } from "./deliveries.ts";
import type { StoredMessage } from "./messages.ts";
import { showMessage, showUser } from "./render.ts";

/** One event: what a webhook is told. */
interface Event {
  trigger: string;
  data: object;
  /** The message that it is about, for the log and the order. */
  message?: StoredMessage;
}

/** Posts what happens to the webhooks that asked for it. */
export function tellWebhooks(app: App, deliveries: Deliveries): void {
  app.listen((change) => {
    const targets = app.settings.webhooks.filter(({ enabled }) => enabled !== false);
    if (targets.length === 0) return;
    for (const event of eventsOf(app, change)) {
      for (const target of targets) {
        if (wants(target, event.trigger)) deliveries.submit(deliveryOf(app, target, event));
      }
    }
  });
}

function wants({ triggers }: WebhookTarget, trigger: string): boolean {
  return triggers.includes(trigger) || triggers.includes("*");
}

/** What a change is called, and what is said about it. Shapes: [D] S21, with the conflict about edits as a switch. */
function eventsOf(app: App, change: Change): Event[] {
  switch (change.kind) {
    case "message":
      return messageEvents(app, change.message);
    case "edited":
    case "deleted": {
      const wrapped = app.settings.choice("webhookEdits") === "action";
      const { message, action } = change;
      return [{ trigger: `message_${change.kind}`, data: { message: show(app, wrapped ? action : message) }, message }];
    }
    case "reaction": {
      const { message, reaction, added } = change;
      const user = app.world.users.get(reaction.uid);
      const data = { ...reaction, messageId: String(message.id), reactedBy: user ? showUser(user) : { uid: reaction.uid } };
      return [{ trigger: added ? "message_reaction_added" : "message_reaction_removed", data: { reaction: data }, message }];
    }
    case "receipt":
      return [{ trigger: `message_${change.action === "read" ? "read" : "delivery"}_receipt`, data: receipt(app, change), message: change.message }];
    case "world":
      return change.trigger && change.data ? [{ trigger: change.trigger, data: change.data() }] : [];
    case "interacted": // There is no trigger for it [D] S21.
    case "settings":
    case "reset":
      return [];
  }
}

/** A mention fires `user_mentioned` and `message_sent` for the same message [OBS] S32. Action messages have events of their own. */
function messageEvents(app: App, message: StoredMessage): Event[] {
  if (message.action) return [];
  const data = { message: show(app, message) };
  const sent: Event = { trigger: "message_sent", data, message };
  return message.mentions.length > 0 ? [sent, { trigger: "user_mentioned", data, message }] : [sent];
}

function receipt(app: App, { message, uid, action, at }: Extract<Change, { kind: "receipt" }>): object {
  const user = app.world.users.get(uid);
  return {
    receiver: message.receiver,
    receiverType: message.receiverType,
    type: "receipts",
    sender: uid,
    messageSender: message.sender,
    body: {
      action,
      messageId: String(message.id),
      user: { uid, name: user?.name ?? uid, status: user?.status ?? "offline" },
      timestamp: at,
    },
  };
}

function show(app: App, message: StoredMessage): object {
  return showMessage(app, message, { audience: "callback" });
}

function deliveryOf(app: App, target: WebhookTarget, { trigger, data, message }: Event): Delivery {
  const { appId, region } = app.identity;
  const { useBasicAuth, username = "", password = "" } = target;
  const about = message ? [message.conversation.id, message.sender, message.ordinal] : [JSON.stringify(data)];
  return {
    to: { webhook: target.id },
    url: target.webhookURL,
    ...(useBasicAuth && { credentials: { username, password } }),
    trigger,
    ...(message && { messageId: String(message.id), conversationId: message.conversation.id }),
    cause: "message",
    lane: `webhook ${target.id} ${message?.conversation.id ?? ""}`,
    identity: [...about, "webhook", target.id, trigger],
    body: JSON.stringify({ trigger, data, appId, region, webhook: target.id }),
  };
}
