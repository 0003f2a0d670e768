/** `/bots`: create, list, get, update, delete [D] S8-S13, and sending as a bot [D] S3, S6. */

import { CometChatError, invalid } from "../errors.ts";
import { readDraft, send } from "../sending.ts";
import { showBot, showMessage } from "../render.ts";
import {
  asText,
  callbackUrl,
  messageId,
  newId,
  oneOf,
  optionalFlag,
  optionalText,
  queryFlag,
  queryNumber,
} from "../validate.ts";
import type { BotRecord } from "../world.ts";
import type { Route } from "./router.ts";
import { paginate } from "./router.ts";

/** Of an app [D] S25. */
const MAX_BOTS = 25;

const GROUP_CHAT_SETTINGS = ["allMessages", "slashedMessages", "mentionedMessages", "none"] as const;

export const botRoutes: Route[] = [
  {
    method: "POST",
    path: "/bots",
    operation: "createBot",
    run({ app, body }) {
      const uid = newId(body, "uid", 50);
      const webhookURL = callbackUrl(body, "webhookURL");
      const useBasicAuth = optionalFlag(body, "useBasicAuth") ?? false;
      const username = optionalText(body, "username", 50);
      const password = optionalText(body, "password", 50);
      const groupChatSetting = oneOf(body, "groupChatSetting", GROUP_CHAT_SETTINGS) ?? "none";
      const enabled = optionalFlag(body, "enabled") ?? false;
      app.world.user(uid);
      if (app.world.bots.has(uid)) throw new CometChatError("ERR_BOT_ALREADY_EXISTS");
      if (app.world.bots.size >= MAX_BOTS) throw new CometChatError("ERR_PLAN_QUOTA_RESTRICTION", `An app has at most ${MAX_BOTS} bots.`);
      // Unlike an update, creating drops credentials that are not used [D] S9.
      const credentials = useBasicAuth ? { ...(username && { username }), ...(password && { password }) } : {};
      const bot: BotRecord = { uid, webhookURL, groupChatSetting, useBasicAuth, ...credentials, enabled, createdAt: app.now() };
      app.world.bots.set(uid, bot);
      app.tell({ kind: "world" });
      return { data: showBot(bot) };
    },
  },
  {
    method: "GET",
    path: "/bots",
    operation: "listBots",
    run({ app, query }) {
      const page = queryNumber(query, "page", { default: 1, minimum: 1, maximum: 1_000_000 });
      const perPage = queryNumber(query, "perPage", { default: 100, minimum: 1, maximum: 1000 });
      const searchKey = query.get("searchKey")?.toLowerCase() ?? "";
      // AI agents are another kind of bot, and the emulator has none [D] S12.
      const bots = queryFlag(query, "isAIBot") ? [] : [...app.world.bots.values()];
      const found = bots.filter((bot) => bot.uid.startsWith(searchKey)).sort((one, other) => (one.uid < other.uid ? -1 : 1));
      return paginate(found, page, perPage, showBot);
    },
  },
  {
    method: "GET",
    path: "/bots/{uid}",
    operation: "getBot",
    run({ app, params }) {
      return { data: showBot(app.world.bot(params["uid"]!)) };
    },
  },
  {
    method: "PUT",
    path: "/bots/{uid}",
    operation: "updateBot",
    run({ app, params, body }) {
      const bot = app.world.bot(params["uid"]!);
      const webhookURL = body["webhookURL"] === undefined ? undefined : callbackUrl(body, "webhookURL");
      const groupChatSetting = oneOf(body, "groupChatSetting", GROUP_CHAT_SETTINGS);
      const useBasicAuth = optionalFlag(body, "useBasicAuth");
      const username = optionalText(body, "username", 50);
      const password = optionalText(body, "password", 50);
      const enabled = optionalFlag(body, "enabled");
      Object.assign(
        bot,
        webhookURL !== undefined && { webhookURL },
        groupChatSetting !== undefined && { groupChatSetting },
        useBasicAuth !== undefined && { useBasicAuth },
        username !== undefined && { username },
        password !== undefined && { password },
        enabled !== undefined && { enabled },
        { updatedAt: app.now() },
      );
      app.tell({ kind: "world" });
      return { data: showBot(bot) };
    },
  },
  {
    method: "DELETE",
    path: "/bots/{uid}",
    operation: "deleteBot",
    run({ app, params }) {
      const bot = app.world.bot(params["uid"]!);
      app.world.bots.delete(bot.uid);
      app.tell({ kind: "world" });
      // The body of the real answer was not seen [U]; this is the one of other deletions.
      return { data: { success: true, message: `Bot with ${bot.uid} has been deleted successfully.` } };
    },
  },
  {
    method: "POST",
    path: "/bots/{uid}/messages",
    operation: "sendBotMessage",
    faults: "sends",
    run({ app, params, body, created }) {
      const bot = app.world.bot(params["uid"]!);
      app.world.user(bot.uid);
      const draft = readDraft(app, bot.uid, body, { platform: "API" });
      const parentId = body["parentId"];
      if (parentId !== undefined && parentId !== null) {
        const rule = app.settings.choice("parentIdOnBotSend");
        if (rule === "refused") throw invalid("parentId", "The parentId field is not allowed.");
        if (rule === "honoured") draft.parentId = messageId(asText(parentId));
      }
      const message = send(app, draft);
      created(message);
      return { data: showMessage(app, message, { audience: "rest", uid: bot.uid }) };
    },
  },
];
