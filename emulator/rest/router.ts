/** From a method and a path to an operation of the REST API. */

import type { App } from "../app.ts";
import type { JsonObject } from "../cometchat.ts";
import type { ErrorCode } from "../errors.ts";
import type { StoredMessage } from "../messages.ts";
import type { Identity } from "../random.ts";

/** What an operation works on. */
export interface Call {
  app: App;
  /** Decoded, by the names in the route's path. */
  params: Record<string, string>;
  query: URLSearchParams;
  /** `{}` when there is none. */
  body: JsonObject;
  /** The user on whose behalf the call is made; it exists. */
  onBehalfOf: string | undefined;
  /** A fraction for something that goes wrong with the answer, by what it is: the same in every run with this seed. */
  draw: (...what: Identity) => number;
  /** For the log: the message that the call has made. */
  created: (message: StoredMessage) => void;
}

/** An endpoint. */
export interface Route {
  method: "GET" | "POST" | "PUT" | "PATCH" | "DELETE";
  /** Such as `/users/{uid}/messages`. */
  path: string;
  operation: string;
  /** Whether `onBehalfOf` must be given. */
  requiresOnBehalfOf?: true;
  /** Counted among core operations by the rate limit [D] S28; all others are standard. */
  core?: true;
  /** Also open to keys of the scope `authOnly` [D] S25, S2. */
  authOnly?: true;
  /** Which faults may strike: default `others`. */
  faults?: "sends" | "histories";
  /** Answers the value under `data` (and `meta`), or throws a `CometChatError`. */
  run: (call: Call) => Reply;
}

/** The body of an answer: `{"data": …}`, and `meta` of lists. */
export interface Reply {
  data: unknown;
  meta?: unknown;
}

/** A route that matches, or why none does. */
export type Match = { route: Route; params: Record<string, string> } | { error: ErrorCode };

export class Router {
  readonly #routes: { route: Route; segments: string[] }[];

  constructor(routes: Route[]) {
    this.#routes = routes.map((route) => ({ route, segments: route.path.split("/") }));
  }

  /** `path` starts after the version. */
  match(method: string, path: string): Match {
    const segments: string[] = [];
    for (const segment of path.replace(/\/+$/, "").split("/")) {
      try {
        segments.push(decodeURIComponent(segment));
      } catch {
        return { error: "ERR_API_NOT_FOUND" };
      }
    }
    for (const candidate of this.#routes) {
      if (candidate.route.method !== method || candidate.segments.length !== segments.length) continue;
      const params = matchSegments(candidate.segments, segments);
      if (params) return { route: candidate.route, params };
    }
    return { error: "ERR_API_NOT_FOUND" };
  }
}

function matchSegments(pattern: string[], segments: string[]): Record<string, string> | undefined {
  const params: Record<string, string> = {};
  for (const [index, part] of pattern.entries()) {
    const segment = segments[index] ?? "";
    if (part.startsWith("{") && segment !== "") params[part.slice(1, -1)] = segment;
    else if (part !== segment) return undefined;
  }
  return params;
}

/** A page of a list, with CometChat's `meta.pagination`. */
export function paginate<Item>(items: Item[], page: number, perPage: number, show: (item: Item) => unknown): Reply {
  const start = (page - 1) * perPage;
  const shown = items.slice(start, start + perPage).map(show);
  return {
    data: shown,
    meta: {
      pagination: {
        total: items.length,
        count: shown.length,
        per_page: perPage,
        current_page: page,
        total_pages: Math.max(1, Math.ceil(items.length / perPage)),
      },
    },
  };
}
