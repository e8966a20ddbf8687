// What the checkpoint asks the server. Every answer also tells the server's time.

import { Problem, Unreachable } from "../api";
import type { AreaName, DocumentKind, Exposure, IdDocument, LabTest, Me, PassView, Sex, Symptom, Vehicle } from "../contract";
import type { Trip } from "../vehicle/contract";
import type { Venue } from "../venue/contract";
import type { Registered } from "./device";
import { DirectWay } from "./direct";
import type { Offer } from "./direct";
import type { ListsAnswer } from "./lists";
import type { Answer } from "./sync";

/** What is asked about. */
export type Question = { token: string } | { pass: string } | { card: string } | { document: IdDocument };

/** What was declared, to be compared with the document in hand. */
export interface Facts {
  name: string;
  birth_date: string;
  sex?: Sex;
  nationality?: string;
  document_kind: DocumentKind;
  document_number: string;
  home?: AreaName;
  residence_text?: string;
  from?: AreaName;
  to?: AreaName;
  departs_at?: number;
  vehicle?: Vehicle;
  companions?: { name: string; birth_date: string }[];
  symptoms?: Symptom[];
  exposure?: Exposure;
  vaccine_doses?: number;
  test?: LabTest;
  state?: "verified" | "unverified";
  declaration: string;
  subject: string;
}

/** The server's answer to a check; `matches` where it found several. */
export interface CheckAnswer {
  verdict: string;
  reason?: string;
  pass?: PassView;
  facts?: Facts;
  vehicle?: Trip;
  /** Whether the vehicle is where its route does not lead. */
  off_route?: boolean;
  /** Since when the holder has been inside this venue, as far as the server knows; unix milliseconds. */
  inside_since?: number;
  matches?: CheckAnswer[];
}

/** Lists that are new, or `null` when those with this tag are still the server's. */
export type ListsOrSame = { answer: ListsAnswer; etag: string | null } | null;

/** Tells the server's time, unix milliseconds, in an answer that took so long. */
export type Heard = (serverNow: number, roundTripMs: number) => void;

/** The part of the API that the checkpoint uses. Calls throw `Problem` and `Unreachable`. */
export class Server {
  /** Frames go this way where it stands. */
  readonly direct = new DirectWay(() => this.offer());

  constructor(private readonly heard: Heard) {}

  /** Who is signed in, or `null`. */
  async session(): Promise<Me | null> {
    try {
      return (await this.ask("GET", "/session", {})).json();
    } catch (reason) {
      if (reason instanceof Problem && reason.status === 401) return null;
      throw reason;
    }
  }

  /** The lists, where they are not those with the tag `etag`. */
  async lists(etag: string | null): Promise<ListsOrSame> {
    const headers: Record<string, string> = etag === null ? {} : { "if-none-match": etag };
    const response = await this.ask("GET", "/checkpoint/lists", { headers });
    if (response.status === 304) return null;
    return { answer: (await response.json()) as ListsAnswer, etag: response.headers.get("etag") };
  }

  /** Makes this browser's key known. */
  async register(publicKey: string): Promise<Registered> {
    return (await this.post("/checkpoint/device", { public_key: publicKey })).json();
  }

  /** What the server says of a pass, a card or a document. */
  async check(question: Question): Promise<CheckAnswer> {
    return (await this.post("/checkpoint/check", question)).json();
  }

  /** The officer has compared the document with the declaration. */
  async verified(declaration: string): Promise<void> {
    await this.post("/checkpoint/verified", { declaration });
  }

  /** How many are inside a venue now. */
  async venue(site: string): Promise<Venue> {
    return (await this.ask("GET", `/venues/${encodeURIComponent(site)}`, {})).json();
  }

  /** Codes of those who were aboard a vehicle when its pass was scanned. */
  async aboard(pass: string, at: number): Promise<string[]> {
    const answer = (await (await this.post("/checkpoint/aboard", { pass, at })).json()) as { subjects: string[] };
    return answer.subjects;
  }

  /** Sends the bytes of a frame. */
  send = async (device: number, frame: Uint8Array<ArrayBuffer>): Promise<Answer> => {
    return (await this.direct.send(device, frame)) ?? (await this.postFrame(device, frame));
  };

  private async postFrame(device: number, frame: Uint8Array<ArrayBuffer>): Promise<Answer> {
    try {
      const headers = { "content-type": "application/octet-stream" };
      const response = await this.ask("POST", `/scans?device=${device}`, { headers, body: frame });
      return taken(await response.json());
    } catch (reason) {
      return reason instanceof Problem ? refusal(reason) : { kind: "unreachable" };
    }
  }

  private async offer(): Promise<Offer | null> {
    const answer = (await (await this.ask("POST", "/checkpoint/transports", {})).json()) as { webtransport?: Offer };
    return answer.webtransport ?? null;
  }

  private post(path: string, body: unknown): Promise<Response> {
    return this.ask("POST", path, { headers: { "content-type": "application/json" }, body: JSON.stringify(body) });
  }

  private async ask(method: string, path: string, options: RequestInit): Promise<Response> {
    const begun = performance.now();
    const waiting = new AbortController();
    const timer = setTimeout(() => waiting.abort(), TIMEOUT_MS);
    try {
      const request = { ...options, method, signal: waiting.signal, cache: "no-store" as const };
      const response = await fetch(`/api/v1${path}`, request);
      // The header has whole seconds, rounded down: on average half a second is missing.
      const told = Date.parse(response.headers.get("date") ?? "") + 500;
      if (Number.isFinite(told)) this.heard(told, performance.now() - begun);
      if (response.ok || response.status === 304) return await whole(response);
      throw await problem(response);
    } catch (reason) {
      throw reason instanceof Problem ? reason : new Unreachable();
    } finally {
      clearTimeout(timer);
    }
  }
}

/** The response with its body, so that a network that fails half-way is known here. */
async function whole(response: Response): Promise<Response> {
  if (response.status === 204 || response.status === 304) return response;
  const { status, headers } = response;
  return new Response(await response.arrayBuffer(), { status, headers });
}

async function problem(response: Response): Promise<Problem> {
  const body = (await response.json().catch(() => ({}))) as Record<string, unknown>;
  const kind = String(body["type"] ?? "").split("/").pop() ?? "";
  const seconds = Number(response.headers.get("retry-after") ?? NaN);
  return new Problem(kind, response.status, [], Number.isFinite(seconds) ? seconds * 1000 : null, body);
}

function taken(body: { durable_seq: string; refused?: { seq: string | number; reason: string }[] }): Answer {
  const refused = (body.refused ?? []).map(({ seq, reason }) => ({ seq: Number(seq), reason }));
  return { kind: "taken", durableSeq: Number(body.durable_seq), refused };
}

function refusal({ kind, status, body, retryAfterMs }: Problem): Answer {
  const expected = Number(body["expected_seq"] ?? NaN);
  if (status === 409 && Number.isFinite(expected)) return { kind: "gap", expectedSeq: expected };
  if (status === 401) return { kind: "sign_in" };
  if (status === 403) return { kind: "forbidden" };
  // By its kind too: something on the way that knows no such address says 404 as well.
  if (status === 404 && kind === "not-found") return { kind: "unknown_device" };
  // The words of a refusal begin with its reason, as PROTOCOL.md names it.
  if (status === 400 && String(body["detail"] ?? "").startsWith("BadSignature:")) return { kind: "bad_signature" };
  return status === 429 || status >= 500 ? { kind: "busy", retryAfterMs } : { kind: "rejected" };
}

const TIMEOUT_MS = 10_000;
