// @ts-nocheck: it runs in workerd.

// What every worker here that is not Halley does at its edges: who may post a callback, what it says, and how a reply
// is sent.

const encoder = new TextEncoder();

/** A response if the callback goes no further, or the message that it carries. */
export async function readCallback(request, env) {
  if (request.method !== "POST") return new Response(null, { status: 405 });
  if (!isAuthorized(request, env)) return new Response(null, { status: 401 });
  const { appId, bot, data } = await request.json();
  if (appId !== env.COMETCHAT_APP_ID) return new Response(null, { status: 403 });
  const { id, sender, receiver, receiverType } = data ?? {};
  if (!id || !sender || !receiver || !receiverType) return new Response(null, { status: 400 });
  if (sender === bot) return Response.json({ status: "ignored" });
  const peer = receiverType === "group" ? receiver : sender;
  const name = data.data?.entities?.sender?.entity?.name ?? sender;
  return { id, bot, sender, name, peer, receiverType, text: data.data?.text ?? "", conversation: `${bot}:${receiverType}:${peer}` };
}

export const accepted = () => Response.json({ status: "accepted" });

function isAuthorized(request, env) {
  const expected = encoder.encode(`Basic ${btoa(`${env.CALLBACK_USERNAME}:${env.CALLBACK_PASSWORD}`)}`);
  const given = encoder.encode(request.headers.get("Authorization") ?? "");
  return given.byteLength === expected.byteLength && crypto.subtle.timingSafeEqual(given, expected);
}

/** The body of a reply; `muid` is the same however often it is sent. */
export function replyTo({ id, bot, peer, receiverType }, text) {
  return JSON.stringify({ receiver: peer, receiverType, category: "message", type: "text", data: { text }, muid: `${bot}-${id}` });
}

/** Whether it was taken. */
export async function send(env, bot, body) {
  const response = await fetch(`${env.COMETCHAT_API_URL}/bots/${encodeURIComponent(bot)}/messages`, {
    method: "POST",
    headers: { Accept: "application/json", "Content-Type": "application/json", apikey: env.COMETCHAT_API_KEY },
    body,
    signal: AbortSignal.timeout(10_000),
  });
  await response.text();
  return response.ok;
}
