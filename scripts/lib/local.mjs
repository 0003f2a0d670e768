// The app that the emulator stands for, and how the worker beside it is set. None of these secrets opens anything else.

export const local = {
  appId: "2248348660ad9bd4",
  region: "eu",
  apiKey: "halley-local-api-key",
  callbackUsername: "cometchat",
  callbackPassword: "local-callback-password",
  adminToken: "local-admin-token",
};

/**
 * What a worker's settings must be for it to serve the emulator's app.
 *
 * @param {string} apiUrl base URL of the emulator's REST API, ending in `/v3`
 */
export function workerSettings(apiUrl) {
  return {
    COMETCHAT_API_URL: apiUrl,
    COMETCHAT_APP_ID: local.appId,
    COMETCHAT_REGION: local.region,
    COMETCHAT_API_KEY: local.apiKey,
    CALLBACK_USERNAME: local.callbackUsername,
    CALLBACK_PASSWORD: local.callbackPassword,
    ADMIN_TOKEN: local.adminToken,
  };
}
