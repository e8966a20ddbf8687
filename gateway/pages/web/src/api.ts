// Requests to the API of the server that gave the page: JSON, cookies of the same origin, problem+json.

import type { Flaw, Me } from "./contract";

const BASE = "/api/v1";

/** The server's answer that it did not do what was asked. */
export class Problem extends Error {
  constructor(
    /** The last part of its `type`, such as "wrong-code". */
    readonly kind: string,
    readonly status: number,
    readonly flaws: Flaw[],
    /** How long to wait before asking again, where the server says so. */
    readonly retryAfterMs: number | null,
    readonly body: Record<string, unknown>,
  ) {
    super(`${status} ${kind}`);
  }
}

/** No answer came: no network, or no server. */
export class Unreachable extends Error {}

export interface Options {
  /** Sent as JSON. */
  body?: unknown;
  /** Sent as it is, in place of JSON. */
  file?: Blob;
  /** For writes that must not happen twice. */
  idempotencyKey?: string;
  signal?: AbortSignal;
  /** Lets the browser ask whether what it has is still good, and be told so in few bytes. */
  revalidate?: boolean;
}

/** The answer's JSON, `undefined` where it has none. Throws `Problem` or `Unreachable`. */
export async function call<T>(method: string, path: string, options: Options = {}): Promise<T> {
  const headers: Record<string, string> = { accept: "application/json" };
  if (options.body !== undefined) headers["content-type"] = "application/json";
  if (options.idempotencyKey) headers["idempotency-key"] = options.idempotencyKey;
  const request: RequestInit = { method, headers, credentials: "same-origin", cache: options.revalidate ? "no-cache" : "no-store" };
  if (options.body !== undefined) request.body = JSON.stringify(options.body);
  if (options.file) request.body = options.file;
  if (options.signal) request.signal = options.signal;
  const response = await fetch(BASE + path, request).catch((reason: unknown) => {
    if (options.signal?.aborted) throw reason;
    throw new Unreachable();
  });
  if (!response.ok) throw await problemOf(response);
  return (response.status === 204 ? undefined : await response.json()) as T;
}

/** Who is signed in, or `null`. */
export async function whoAmI(): Promise<Me | null> {
  try {
    return await call<Me>("GET", "/session");
  } catch (problem) {
    if (problem instanceof Problem && problem.status === 401) return null;
    throw problem;
  }
}

async function problemOf(response: Response): Promise<Problem> {
  const body = (await response.json().catch(() => ({}))) as Record<string, unknown>;
  const type = typeof body["type"] === "string" ? body["type"] : "";
  const flaws = Array.isArray(body["errors"]) ? (body["errors"] as Flaw[]) : [];
  const seconds = Number(response.headers.get("retry-after") ?? NaN);
  const wait = Number.isFinite(seconds) ? seconds * 1000 : null;
  return new Problem(type.split("/").pop() ?? "", response.status, flaws, wait, body);
}
