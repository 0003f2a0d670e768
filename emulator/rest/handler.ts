/**
 * One request of the REST API from its first byte to its last: origin, version, app, key, rate limit, endpoint, on whose behalf,
 * faults, the operation itself, the answer, and the line in the log.
 */

import type { IncomingMessage, ServerResponse } from "node:http";

import type { RestExchange } from "../api.ts";
import type { App } from "../app.ts";
import { CometChatError } from "../errors.ts";
import { httpRecord } from "../exchanges.ts";
import type { RestFault } from "../faults.ts";
import type { StoredMessage } from "../messages.ts";
import { checkOrigin } from "../origin.ts";
import { parseBody } from "../validate.ts";
import type { Answer } from "./answers.ts";
import { drawnStatus, errorAnswer, odd200, serverError } from "./answers.ts";
import { authTokenRoutes } from "./auth-tokens.ts";
import { blockRoutes } from "./blocks.ts";
import { botRoutes } from "./bots.ts";
import { conversationRoutes } from "./conversations.ts";
import { RestFaults } from "./faults.ts";
import { groupRoutes } from "./groups.ts";
import { historyRoutes } from "./histories.ts";
import { memberRoutes } from "./members.ts";
import { messageRoutes } from "./messages.ts";
import type { Allowance } from "./rate-limit.ts";
import { rateHeaders, RateLimiter, tooMany } from "./rate-limit.ts";
import { reactionRoutes } from "./reactions.ts";
import { relationOf } from "./relation.ts";
import type { Call, Match, Route } from "./router.ts";
import { Router } from "./router.ts";
import { userRoutes } from "./users.ts";

/** Largest body of a request. Far more than a message may have; the documented 100 MB are for uploads [D] S25. */
const MAX_BODY = 1024 * 1024;

/** How long a call that is never answered is kept open, and a late one waits for the client to leave. */
const MAX_UNANSWERED_MS = 10 * 60_000;

/** A request that was read. */
interface Request {
  method: string;
  /** Path and query after the version. */
  path: string;
  headers: IncomingMessage["headers"];
  text: string;
}

export class RestApi {
  readonly #app: App;
  readonly #loopback: boolean;
  readonly #router: Router;
  readonly #rateLimiter: RateLimiter;
  readonly #faults: RestFaults;

  constructor(app: App, { loopback }: { loopback: boolean }) {
    this.#app = app;
    this.#loopback = loopback;
    this.#router = new Router([
      ...userRoutes,
      ...authTokenRoutes,
      ...blockRoutes,
      ...botRoutes,
      ...groupRoutes,
      ...memberRoutes,
      ...messageRoutes,
      ...reactionRoutes,
      ...historyRoutes,
      ...conversationRoutes,
    ]);
    this.#rateLimiter = new RateLimiter(app.settings);
    this.#faults = new RestFaults(app);
    app.listen((change) => {
      if (change.kind !== "reset") return;
      this.#rateLimiter.clear();
      this.#faults.clear();
    });
  }

  /** Whether a path belongs to the REST API: it starts with a version. */
  static owns(path: string): boolean {
    return /^\/v\d/.test(path);
  }

  async handle(incoming: IncomingMessage, outgoing: ServerResponse): Promise<void> {
    const text = await readBody(incoming, MAX_BODY);
    const [, version = "", path = "/"] = /^\/(v[^/?]*)(.*)$/s.exec(incoming.url ?? "") ?? [];
    const request = { method: incoming.method ?? "GET", path, headers: incoming.headers, text: text ?? "" };
    const match = this.#router.match(request.method, path.replace(/\?.*$/s, ""));
    const exchange = this.#app.exchanges.add({
      kind: "rest",
      method: request.method,
      path,
      ...("route" in match && { operation: match.route.operation }),
      at: Date.now(),
      outcome: "pending",
      request: httpRecord(incoming.headers, request.text),
    });
    try {
      checkOrigin(incoming, this.#loopback);
      if (this.#app.settings.choice("restOutage") !== "none") return await this.#fail(exchange, outgoing);
      if (text === undefined) throw new CometChatError("ERR_BAD_REQUEST", `The body may not be greater than ${MAX_BODY} bytes.`);
      if (version !== "v3" && version !== "v3.0") throw new CometChatError("ERR_INVALID_API_VERSION");
      this.#checkApp(incoming.headers);
      await this.#answerAuthorised(request, match, exchange, outgoing);
    } catch (error) {
      this.#write(outgoing, exchange, errorAnswer(this.#app.settings, error));
    }
  }

  async #answerAuthorised(request: Request, match: Match, exchange: RestExchange, outgoing: ServerResponse): Promise<void> {
    const scope = this.#scope(request.headers, exchange);
    const core = "route" in match && match.route.core;
    const allowance = this.#rateLimiter.take(core ? "core" : "standard");
    const headers = rateHeaders(allowance);
    try {
      if (allowance.exceeded) throw new CometChatError("ERR_TOO_MANY_REQUESTS");
      if ("error" in match) throw new CometChatError(match.error);
      const { route, params } = match;
      if (scope === "authOnly" && !route.authOnly) throw new CometChatError("AUTH_ERR_NO_ACCESS");
      const onBehalfOf = this.#onBehalfOf(route, request.headers);
      const body = parseBody(request.text);
      this.#app.exchanges.update(exchange, {
        ...(onBehalfOf !== undefined && { onBehalfOf }),
        ...relationOf(this.#app, { route, params, body, onBehalfOf }),
      });
      const query = new URLSearchParams(request.path.replace(/^[^?]*/s, ""));
      const asked = { path: request.path, body, onBehalfOf };
      const draw = this.#faults.drawsFor(route, asked);
      const run = () => this.#run(route, { params, query, body, onBehalfOf, draw }, exchange, headers);
      const fault = this.#faults.draw(route, asked);
      if (fault === undefined) this.#write(outgoing, exchange, run());
      else await this.#suffer(fault, run, allowance, exchange, outgoing);
    } catch (error) {
      const refused = allowance.exceeded ? tooMany(this.#app.settings, allowance) : {};
      this.#write(outgoing, exchange, errorAnswer(this.#app.settings, error, { ...headers, ...refused }));
    }
  }

  /** The operation itself. What it has made is told with the outcome: a fault may keep it from the client, but not from the log. */
  #run(route: Route, call: Omit<Call, "app" | "created">, exchange: RestExchange, headers: Record<string, string>): Answer {
    const created = (message: StoredMessage) => {
      exchange.createdMessageId = String(message.id);
      exchange.conversationId = message.conversation.id;
    };
    try {
      const { data, meta } = route.run({ ...call, app: this.#app, created });
      return { status: 200, headers, body: JSON.stringify(meta === undefined ? { data } : { data, meta }) };
    } catch (error) {
      return errorAnswer(this.#app.settings, error, headers);
    }
  }

  /** Does to a call what the fault says. */
  async #suffer(fault: RestFault, run: () => Answer, allowance: Allowance, exchange: RestExchange, outgoing: ServerResponse): Promise<void> {
    const { settings } = this.#app;
    exchange.fault = fault;
    switch (fault) {
      case "rest429": {
        const seconds = Math.ceil(settings.number("retryAfterSeconds"));
        const refused = { ...allowance, remaining: 0, retryAfter: seconds, reset: this.#app.now() + seconds };
        const headers = { ...rateHeaders(refused), ...tooMany(settings, refused) };
        return this.#write(outgoing, exchange, errorAnswer(settings, new CometChatError("ERR_TOO_MANY_REQUESTS"), headers));
      }
      case "rest500":
        return this.#write(outgoing, exchange, serverError(settings));
      case "restAccepted500":
        run();
        return this.#write(outgoing, exchange, serverError(settings));
      case "restStatus":
        return this.#write(outgoing, exchange, drawnStatus(settings));
      case "restAcceptedStatus":
        run();
        return this.#write(outgoing, exchange, drawnStatus(settings));
      case "restOdd200":
        return this.#write(outgoing, exchange, odd200(settings));
      case "restAcceptedOdd200":
        run();
        return this.#write(outgoing, exchange, odd200(settings));
      case "restSlow": {
        const answer = run();
        await gone(outgoing, settings.number("restSlowMs"));
        return this.#write(outgoing, exchange, answer);
      }
      case "restCut":
        return this.#cut(outgoing, exchange);
      case "restAcceptedCut":
        run();
        return this.#cut(outgoing, exchange);
      case "restAcceptedUnanswered":
        run();
        await gone(outgoing, MAX_UNANSWERED_MS);
        return this.#cut(outgoing, exchange, "unanswered");
      case "restAcceptedLate": {
        const { world } = this.#app;
        await gone(outgoing, MAX_UNANSWERED_MS);
        await new Promise((resolve) => setTimeout(resolve, settings.number("restLateMs")).unref());
        // A reset forgets what is on its way.
        if (this.#app.world === world) run();
        return this.#cut(outgoing, exchange, "unanswered");
      }
    }
  }

  /** The outage that is switched on: no call gets as far as being looked at, so none counts for the faults that are drawn. */
  async #fail(exchange: RestExchange, outgoing: ServerResponse): Promise<void> {
    const { settings } = this.#app;
    exchange.fault = "restOutage";
    if (settings.choice("restOutage") === "500") return this.#write(outgoing, exchange, serverError(settings));
    if (settings.choice("restOutage") === "cut") return this.#cut(outgoing, exchange);
    await gone(outgoing, MAX_UNANSWERED_MS);
    this.#cut(outgoing, exchange, "unanswered");
  }

  /** The appId and region of the host's name or of the header `appId`, where there are any [D] S1, S24; [OBS] S35. */
  #checkApp(headers: IncomingMessage["headers"]): void {
    const { appId, region } = this.#app.identity;
    const host = /^([^.]+)\.api-([a-z]+)\./i.exec(headers.host ?? "");
    const given = headers["appid"] ?? appId;
    const wrong = given !== appId || (host && (host[1]?.toLowerCase() !== appId.toLowerCase() || host[2]?.toLowerCase() !== region));
    if (wrong) throw new CometChatError("AUTH_ERR_INVALID_APPID");
  }

  #scope(headers: IncomingMessage["headers"], exchange: RestExchange): "fullAccess" | "authOnly" {
    const key = headers["apikey"];
    if (key === undefined || key === "") throw new CometChatError("AUTH_ERR_EMPTY_APIKEY");
    const { apiKey, authKey } = this.#app.identity;
    if (key === apiKey && this.#app.settings.flag("keyRevoked")) exchange.fault = "keyRevoked";
    else if (key === apiKey) return "fullAccess";
    else if (key === authKey) return "authOnly";
    throw new CometChatError("AUTH_ERR_APIKEY_NOT_FOUND");
  }

  #onBehalfOf(route: Route, headers: IncomingMessage["headers"]): string | undefined {
    const value = headers["onbehalfof"];
    if (typeof value === "string" && value !== "") return this.#app.world.user(value).uid;
    if (!route.requiresOnBehalfOf) return undefined;
    throw new CometChatError("ERR_BAD_REQUEST", undefined, { onBehalfOf: ["The onBehalfOf header is required."] });
  }

  #write(outgoing: ServerResponse, exchange: RestExchange, { status, headers, body }: Answer): void {
    const sent = { "Content-Type": "application/json", ...headers, "Content-Length": String(Buffer.byteLength(body)) };
    const left = outgoing.destroyed;
    if (!left) outgoing.writeHead(status, sent).end(body);
    this.#app.exchanges.update(exchange, {
      outcome: left ? "unanswered" : "answered",
      ms: Date.now() - exchange.at,
      ...(!left && { response: { status, ...httpRecord(sent, body) } }),
    });
  }

  #cut(outgoing: ServerResponse, exchange: RestExchange, outcome: "cut" | "unanswered" = "cut"): void {
    outgoing.socket?.destroy();
    this.#app.exchanges.update(exchange, { outcome, ms: Date.now() - exchange.at });
  }
}

/** The whole body as text; `undefined` if it is larger than `limit`. Rejects if the client leaves before its end. */
export async function readBody(incoming: IncomingMessage, limit: number): Promise<string | undefined> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of incoming as AsyncIterable<Buffer>) {
    size += chunk.length;
    if (size <= limit) chunks.push(chunk);
    else if (size > 16 * limit) incoming.destroy();
  }
  return size > limit ? undefined : Buffer.concat(chunks).toString("utf8");
}

/** Settles when the client has left, or after `ms`. */
function gone(outgoing: ServerResponse, ms: number): Promise<void> {
  if (outgoing.destroyed) return Promise.resolve();
  return new Promise((resolve) => {
    const timer = setTimeout(end, ms).unref();
    outgoing.once("close", end);
    function end(): void {
      clearTimeout(timer);
      outgoing.off("close", end);
      resolve();
    }
  });
}
