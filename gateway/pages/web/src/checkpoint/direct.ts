// The direct way to the gateway: a WebTransport connection that stands while the checkpoint is open. Nothing
// waits for it: as long as there is none, and whenever it fails, the batch in hand goes over HTTPS at once,
// and another connection is tried later, less often each time that it fails.
//
//   closed --prepare, when it is time--> opening --ready--> open --broken, or no answer in time--> closed

import { fromBase64 } from "./bytes";
import { answerOf, requestOf } from "./exchange";
import type { Answer } from "./sync";

/** What the server tells of it. */
export interface Offer {
  url: string;
  /** SHA-256 in base64; none: the browser checks the certificate itself. */
  certificate_hashes: string[];
  /** 32 bytes in base64. */
  ticket: string;
  ticket_holds_ms: number;
}

/** The part of a `WebTransport` that is used. */
export type Connection = Pick<WebTransport, "ready" | "closed" | "close" | "createBidirectionalStream">;

/** Begins to connect. */
export type Connect = (url: string, options: WebTransportOptions) => Connection;

/** As this browser can, if it can at all. */
export const browserConnect: Connect | null =
  typeof WebTransport === "function" ? (url, options) => new WebTransport(url, options) : null;

interface Ticket {
  bytes: Uint8Array<ArrayBuffer>;
  /** By the monotonic clock: half of its time is over. */
  renewAt: number;
}

/** The connection, and when there may be another. */
export class DirectWay {
  private connection: Connection | null = null;
  private ticket: Ticket | null = null;
  private isAsking = false;
  private tryAt = 0;
  private backoffMs = BACKOFF_MIN_MS;
  private isOver = false;

  /** `ask` gets an offer, `null` where the server has none; `now` is a monotonic clock. */
  constructor(
    private readonly ask: () => Promise<Offer | null>,
    private readonly connect: Connect | null = browserConnect,
    private readonly now: () => number = () => performance.now(),
  ) {}

  /**
   * Opens a connection where there is none and it is time to try; sees that one that stands has a ticket
   * that holds. To be called now and then while an officer is signed in; not to be waited for.
   */
  async prepare(): Promise<void> {
    if (this.isOver || this.connect === null || this.isAsking) return;
    if (this.ticket !== null) return this.renew(this.ticket);
    if (this.now() < this.tryAt) return;
    this.isAsking = true;
    await this.open(this.connect).catch(() => this.postpone());
    this.isAsking = false;
  }

  /** The network is another: what failed before may do now. */
  networkChanged(): void {
    this.tryAt = 0;
    this.backoffMs = BACKOFF_MIN_MS;
  }

  /** The server's answer to a frame; `null` where it must go another way. */
  async send(device: number, frame: Uint8Array<ArrayBuffer>): Promise<Answer | null> {
    const { connection, ticket } = this;
    if (connection === null || ticket === null) return null;
    const request = requestOf(ticket.bytes, device, frame);
    const exchanged = exchange(connection, request).then(answerOf);
    const answer = await within(ANSWER_MS, exchanged).catch(() => null);
    if (answer === null) this.lose(connection);
    else this.backoffMs = BACKOFF_MIN_MS;
    return answer;
  }

  /** Closes it for good. */
  close(): void {
    this.isOver = true;
    if (this.connection) this.lose(this.connection);
  }

  private async open(connect: Connect): Promise<void> {
    const offer = await this.ask();
    const ticket = offer && this.ticketOf(offer);
    if (!offer || !ticket) {
      this.tryAt = this.now() + BACKOFF_MAX_MS;
      return;
    }
    const connection = connect(offer.url, optionsOf(offer));
    const lose = () => this.lose(connection);
    connection.closed.then(lose, lose);
    try {
      await within(CONNECT_MS, connection.ready);
      const shown = await within(ANSWER_MS, exchange(connection, ticket.bytes));
      if (shown.length > 0) throw new Error("the ticket was refused");
    } catch (reason) {
      closeQuietly(connection);
      throw reason;
    }
    if (this.isOver) return closeQuietly(connection);
    this.connection = connection;
    this.ticket = ticket;
  }

  /** Another ticket for the same connection. Without one the present goes on until it ends. */
  private async renew({ renewAt }: Ticket): Promise<void> {
    if (this.now() < renewAt) return;
    this.isAsking = true;
    const offer = await this.ask().catch(() => null);
    this.isAsking = false;
    const ticket = offer && this.ticketOf(offer);
    if (ticket && this.connection !== null) this.ticket = ticket;
  }

  private ticketOf(offer: Offer): Ticket | null {
    const bytes = fromBase64(offer.ticket);
    return bytes && { bytes, renewAt: this.now() + offer.ticket_holds_ms / 2 };
  }

  private lose(connection: Connection): void {
    if (this.connection !== connection) return;
    this.connection = null;
    this.ticket = null;
    closeQuietly(connection);
    this.postpone();
  }

  private postpone(): void {
    this.tryAt = this.now() + this.backoffMs;
    this.backoffMs = Math.min(2 * this.backoffMs, BACKOFF_MAX_MS);
  }
}

function optionsOf({ certificate_hashes }: Offer): WebTransportOptions {
  const values = certificate_hashes.map(fromBase64).filter((value) => value !== null);
  if (values.length === 0) return {};
  return { serverCertificateHashes: values.map((value) => ({ algorithm: "sha-256", value })) };
}

/** Sends a request on a stream of its own, and reads the answer to its end. */
async function exchange(connection: Connection, request: Uint8Array<ArrayBuffer>): Promise<Uint8Array> {
  const { readable, writable } = await connection.createBidirectionalStream();
  const writer = (writable as WritableStream<Uint8Array>).getWriter();
  // What fails here fails in the reading too.
  writer.write(request).then(() => writer.close()).catch(() => undefined);
  const reader = (readable as ReadableStream<Uint8Array>).getReader();
  let answer = new Uint8Array();
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return answer;
    if (answer.length + value.length > ANSWER_BYTES_MAX) throw new RangeError("the answer is too long");
    const longer = new Uint8Array(answer.length + value.length);
    longer.set(answer);
    longer.set(value, answer.length);
    answer = longer;
  }
}

async function within<T>(ms: number, work: Promise<T>): Promise<T> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const late = new Promise<never>((_, reject) => (timer = setTimeout(() => reject(new Error("late")), ms)));
  return Promise.race([work, late]).finally(() => clearTimeout(timer));
}

function closeQuietly(connection: Connection): void {
  try {
    connection.close();
  } catch {
    // It was never open.
  }
}

/** A network that swallows packets delays a batch by so much, once. */
const ANSWER_MS = 2_000;
const CONNECT_MS = 10_000;
const BACKOFF_MIN_MS = 30_000;
const BACKOFF_MAX_MS = 15 * 60_000;
/** 500 refused scans take 4 KB. */
const ANSWER_BYTES_MAX = 256 * 1024;
