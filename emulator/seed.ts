/** The world that an emulator starts with unless it is given another one. */

import type { Seed } from "./world.ts";

/** The app of the documented sample callback [D-old] S17. */
export const DEFAULT_APP_ID = "2248348660ad9bd4";
export const DEFAULT_REGION = "eu";

/** Keys of nothing but a local emulator. */
export const DEFAULT_API_KEY = "halley-local-api-key";
export const DEFAULT_AUTH_KEY = "halley-local-auth-key";

export const DEFAULT_CALLBACK_URL = "http://127.0.0.1:8787/callback/demo_bot";

/**
 * Four people with the names of CometChat's sample users, a bot, and a group of all five. The bot hears every message
 * of the group, so that threads can be tried too; it is up to the bot to keep quiet when it is not spoken to.
 */
export function defaultSeed(callbackUrl: string): Seed {
  return {
    users: [
      { uid: "cometchat-uid-1", name: "Andrew Joseph" },
      { uid: "cometchat-uid-2", name: "George Alan" },
      { uid: "cometchat-uid-3", name: "Nancy Grace" },
      { uid: "cometchat-uid-4", name: "Susan Marie" },
      { uid: "demo_bot", name: "Demo Bot" },
    ],
    bots: [
      {
        uid: "demo_bot",
        webhookURL: callbackUrl,
        groupChatSetting: "allMessages",
        useBasicAuth: true,
        username: "cometchat",
        password: "local-callback-password",
        enabled: true,
      },
    ],
    groups: [
      {
        guid: "team-1",
        name: "Team",
        type: "public",
        owner: "cometchat-uid-1",
        members: {
          "cometchat-uid-1": "admin",
          "cometchat-uid-2": "participant",
          "cometchat-uid-3": "participant",
          "cometchat-uid-4": "participant",
          demo_bot: "participant",
        },
      },
    ],
  };
}
