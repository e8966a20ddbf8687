// The direct way: taken where it stands, left at once where it fails, tried again later.

import assert from "node:assert/strict";
import { test } from "node:test";

import { Builder } from "flatbuffers";

import { toBase64 } from "../src/checkpoint/bytes";
import { DirectWay } from "../src/checkpoint/direct";
import type { Connection, Offer } from "../src/checkpoint/direct";
import { answerOf, requestOf } from "../src/checkpoint/exchange";
import { Ack, Body, Frame, Notice, Reason, Refusal, Scope } from "../src/generated/truyvet/wire";
import { bytesOfHex, page, vector } from "./vectors";

const MINUTE_MS = 60_000;
const FRAME = Uint8Array.of(1, 2, 3);
const TICKET = new Uint8Array(32).fill(9);

function framed(body: Body, write: (builder: Builder) => number): Uint8Array {
  const builder = new Builder(64);
  builder.finish(Frame.createFrame(builder, body, write(builder)));
  const payload = builder.asUint8Array();
  const bytes = new Uint8Array(4 + payload.length);
  new DataView(bytes.buffer).setUint32(0, payload.length, true);
  bytes.set(payload, 4);
  return bytes;
}

const ack = (seq: number) => framed(Body.Ack, (builder) => Ack.createAck(builder, BigInt(seq)));

function refusal(scope: Scope, reason: Reason, { seqs = [] as number[], expected = 0, retry = 0 } = {}): Uint8Array {
  return framed(Body.Refusal, (builder) => {
    const list = Refusal.createSeqsVector(builder, seqs.map(BigInt));
    return Refusal.createRefusal(builder, scope, reason, list, BigInt(expected), retry, builder.createString("why"));
  });
}

function bytes(...parts: Uint8Array[]): Uint8Array {
  return Uint8Array.from(parts.flatMap((part) => [...part]));
}

test("a request is the ticket, the device, and the frame with its length, as the vector says", () => {
  const PROTOCOL = page("PROTOCOL.md");
  const frame = bytesOfHex(vector(PROTOCOL, "hex signed-batch")).slice(4);
  const ticket = Uint8Array.from({ length: 32 }, (_, i) => 0xa0 + i);
  const whole = bytesOfHex(vector(PROTOCOL, "hex web-request-head"));
  assert.deepEqual(requestOf(ticket, 7, frame).slice(0, whole.length), whole);
  assert.deepEqual(requestOf(ticket, 7, frame).slice(40), frame);
});

test("an answer means what the same answer over HTTPS means", () => {
  const scans = refusal(Scope.Scans, Reason.TimeInFuture, { seqs: [2, 3] });
  const refused = [{ seq: 2, reason: "TimeInFuture" }, { seq: 3, reason: "TimeInFuture" }];
  assert.deepEqual(answerOf(bytes(scans, ack(5))), { kind: "taken", durableSeq: 5, refused });
  assert.deepEqual(answerOf(ack(4)), { kind: "taken", durableSeq: 4, refused: [] });
  const gap = refusal(Scope.Batch, Reason.SeqGap, { expected: 7 });
  assert.deepEqual(answerOf(gap), { kind: "gap", expectedSeq: 7 });
  assert.deepEqual(answerOf(refusal(Scope.Session, Reason.TooLarge)), { kind: "rejected" });
  assert.deepEqual(answerOf(refusal(Scope.Session, Reason.BadSignature)), { kind: "bad_signature" });
  for (const reason of [Reason.UnknownDevice, Reason.RevokedDevice]) {
    assert.deepEqual(answerOf(refusal(Scope.Session, reason)), { kind: "unknown_device" });
  }
  const full = refusal(Scope.Batch, Reason.StorageFull, { retry: 5000 });
  assert.deepEqual(answerOf(full), { kind: "busy", retryAfterMs: 5000 });
  assert.deepEqual(answerOf(refusal(Scope.Session, Reason.Busy)), { kind: "busy", retryAfterMs: null });
  assert.deepEqual(answerOf(refusal(Scope.Session, 999 as Reason)), { kind: "busy", retryAfterMs: null });
});

test("an answer that is cut off, empty or of another kind is none, and HTTPS tells who is not signed in", () => {
  const whole = bytes(refusal(Scope.Scans, Reason.BadCode, { seqs: [1] }), ack(1));
  for (let length = 0; length < whole.length; length++) assert.equal(answerOf(whole.slice(0, length)), null);
  assert.equal(answerOf(framed(Body.Notice, (builder) => Notice.createNotice(builder, 0, 0, BigInt(0)))), null);
  assert.equal(answerOf(refusal(Scope.Session, Reason.NotSignedIn)), null);
});

/** A gateway whose connections do as the test says. */
class Gateway {
  now = 0;
  asked = 0;
  offers: Offer | null = {
    url: "https://127.0.0.1:4434/api/v1/scans", certificate_hashes: [toBase64(new Uint8Array(32))],
    ticket: toBase64(TICKET), ticket_holds_ms: 10 * MINUTE_MS,
  };
  connected: { url: string; options: WebTransportOptions; isClosed: boolean; end: () => void }[] = [];
  requests: Uint8Array[] = [];
  ready: () => Promise<undefined> = async () => undefined;
  greeting: (ticket: Uint8Array) => Promise<Uint8Array> = async () => new Uint8Array();
  answer: (request: Uint8Array) => Promise<Uint8Array> = async () => ack(1);

  way = new DirectWay(async () => this.offer(), (url, options) => this.connect(url, options), () => this.now);

  private offer(): Offer | null {
    this.asked++;
    return this.offers;
  }

  private connect(url: string, options: WebTransportOptions): Connection {
    let end: () => void = () => undefined;
    const closed = new Promise<WebTransportCloseInfo>((_, reject) => (end = () => reject(new Error("lost"))));
    const one = { url, options, isClosed: false, end };
    this.connected.push(one);
    const createBidirectionalStream = async () => {
      if (one.isClosed) throw new Error("closed");
      return this.stream() as unknown as WebTransportBidirectionalStream;
    };
    return { ready: this.ready(), closed, close: () => void (one.isClosed = true), createBidirectionalStream };
  }

  private stream() {
    const sent: Uint8Array[] = [];
    let answer: (bytes: Promise<Uint8Array>) => void = () => undefined;
    const answered = new Promise<Uint8Array>((resolve) => (answer = resolve as typeof answer));
    const writable = new WritableStream<Uint8Array>({
      write: (chunk) => void sent.push(chunk),
      close: () => {
        const request = bytes(...sent);
        if (request.length === 32) return answer(this.greeting(request));
        this.requests.push(request);
        answer(this.answer(request));
      },
    });
    const readable = new ReadableStream<Uint8Array>({
      start: async (controller) => {
        try {
          // In two pieces, as a network brings it.
          const whole = await answered;
          for (const part of [whole.slice(0, 3), whole.slice(3)]) controller.enqueue(part);
          controller.close();
        } catch (reason) {
          controller.error(reason);
        }
      },
    });
    return { readable, writable };
  }
}

async function opened(): Promise<Gateway> {
  const gateway = new Gateway();
  await gateway.way.prepare();
  return gateway;
}

test("a frame goes directly where a connection stands, with its ticket, and is answered", async () => {
  const gateway = await opened();
  assert.deepEqual(await gateway.way.send(7, FRAME), { kind: "taken", durableSeq: 1, refused: [] });
  assert.deepEqual(gateway.requests, [Uint8Array.from(requestOf(TICKET, 7, FRAME))]);
  const [{ url, options } = { url: "", options: {} }] = gateway.connected;
  assert.equal(url, gateway.offers?.url);
  assert.deepEqual(options.serverCertificateHashes, [{ algorithm: "sha-256", value: new Uint8Array(32) }]);
});

test("no frame waits for a connection: while it opens, each goes another way", async () => {
  const gateway = new Gateway();
  let open: () => void = () => undefined;
  gateway.ready = () => new Promise((resolve) => (open = () => resolve(undefined)));
  for (let i = 0; i < 3; i++) void gateway.way.prepare();
  await pause();
  assert.equal(await gateway.way.send(7, FRAME), null);
  assert.equal(await gateway.way.send(7, FRAME), null);
  assert.equal(gateway.connected.length, 1, "it is tried once at a time");
  open();
  await settled(gateway);
  assert.equal((await gateway.way.send(7, FRAME))?.kind, "taken");
});

test("a browser without WebTransport asks for no offer, and a server that offers none is rarely asked again", async () => {
  let asked = 0;
  const without = new DirectWay(async () => (asked++, null), null);
  await without.prepare();
  assert.equal(await without.send(7, FRAME), null);
  assert.equal(asked, 0);
  const gateway = new Gateway();
  gateway.offers = null;
  for (let i = 0; i < 5; i++) {
    await gateway.way.prepare();
    assert.equal(await gateway.way.send(7, FRAME), null);
  }
  assert.equal(gateway.asked, 1);
  gateway.now += 15 * MINUTE_MS;
  await gateway.way.prepare();
  assert.equal(gateway.asked, 2);
});

test("where it cannot be opened it is tried less and less often, and at once in another network", async () => {
  const gateway = new Gateway();
  gateway.ready = async () => {
    throw new Error("UDP is blocked");
  };
  const triedAt: number[] = [];
  for (; gateway.now < 60 * MINUTE_MS; gateway.now += 10_000) {
    const before = gateway.connected.length;
    await gateway.way.prepare();
    assert.equal(await gateway.way.send(7, FRAME), null);
    if (gateway.connected.length > before) triedAt.push(gateway.now / 1000);
  }
  assert.deepEqual(triedAt, [0, 30, 90, 210, 450, 930, 1830, 2730]);
  assert.ok(gateway.connected.every(({ isClosed }) => isClosed));
  gateway.way.networkChanged();
  gateway.ready = async () => undefined;
  await gateway.way.prepare();
  assert.equal((await gateway.way.send(7, FRAME))?.kind, "taken");
});

test("a connection on which the ticket is refused is none", async () => {
  const gateway = new Gateway();
  gateway.greeting = async (ticket) => {
    assert.deepEqual(ticket, TICKET);
    return refusal(Scope.Session, Reason.NotSignedIn);
  };
  await gateway.way.prepare();
  assert.equal(await gateway.way.send(7, FRAME), null);
  assert.equal(gateway.connected[0]?.isClosed, true);
});

test("a connection that breaks in the middle of a batch hands it to the other way, and is opened again later", async () => {
  const gateway = await opened();
  gateway.answer = () => Promise.reject(new Error("reset"));
  assert.equal(await gateway.way.send(7, FRAME), null);
  assert.equal(gateway.connected[0]?.isClosed, true);
  gateway.answer = async () => ack(2);
  await gateway.way.prepare();
  assert.equal(await gateway.way.send(7, FRAME), null, "not at once");
  gateway.now += 30_000;
  await gateway.way.prepare();
  assert.deepEqual(await gateway.way.send(7, FRAME), { kind: "taken", durableSeq: 2, refused: [] });
  assert.equal(gateway.connected.length, 2);
});

test("a network that swallows packets delays a batch by two seconds, once", async () => {
  const gateway = await opened();
  gateway.answer = () => new Promise(() => undefined);
  const begun = performance.now();
  assert.equal(await gateway.way.send(7, FRAME), null);
  assert.ok(performance.now() - begun < 4_000);
  const later = performance.now();
  assert.equal(await gateway.way.send(7, FRAME), null);
  assert.ok(performance.now() - later < 1_000);
});

test("a connection that ends while nothing is sent is noticed", async () => {
  const gateway = await opened();
  gateway.connected[0]?.end();
  await pause();
  assert.equal(await gateway.way.send(7, FRAME), null);
  assert.deepEqual(gateway.requests, []);
});

test("a ticket is renewed at half of its time on the same connection, and one that is refused ends it", async () => {
  const gateway = await opened();
  const other = new Uint8Array(32).fill(8);
  gateway.offers = { ...(gateway.offers as Offer), ticket: toBase64(other) };
  gateway.now += 4 * MINUTE_MS;
  await gateway.way.prepare();
  assert.equal(gateway.asked, 1);
  gateway.now += MINUTE_MS;
  await gateway.way.prepare();
  await gateway.way.send(7, FRAME);
  assert.deepEqual(gateway.requests[0]?.slice(0, 32), other);
  assert.equal(gateway.connected.length, 1);
  gateway.answer = async () => refusal(Scope.Session, Reason.NotSignedIn);
  assert.equal(await gateway.way.send(7, FRAME), null);
  assert.equal(gateway.connected[0]?.isClosed, true);
});

test("once closed it stays closed, also where it was just being opened", async () => {
  const gateway = await opened();
  gateway.way.close();
  assert.equal(gateway.connected[0]?.isClosed, true);
  assert.equal(await gateway.way.send(7, FRAME), null);
  const late = new Gateway();
  const opening = late.way.prepare();
  late.way.close();
  await opening;
  assert.equal(await late.way.send(7, FRAME), null);
  assert.ok(late.connected.every(({ isClosed }) => isClosed));
});

/** The connection that is being opened is. */
async function settled(gateway: Gateway): Promise<void> {
  for (let i = 0; i < 20; i++) await pause();
  assert.equal(gateway.connected.length, 1);
}

function pause(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, 0));
}
