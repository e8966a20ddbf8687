// The checkpoint at work: what was scanned is checked, shown, confirmed, numbered and sent. Holds the page's
// state and puts the modules together; decides nothing that one of them could.

import { Problem } from "../api";
import { Camera } from "./camera";
import { aboardIn, expandMissing } from "./aboard";
import { check, chosen } from "./check";
import type { Checked, Means } from "./check";
import { ServerClock } from "./clock";
import type { Look } from "./clock";
import { deviceFor, deviceInUse, devices, notedVenue, registered } from "./device";
import type { StoredDevice } from "./device";
import { scanned } from "./entry";
import type { Entry } from "./entry";
import { signal } from "./feedback";
import { Gate } from "./gate";
import { ageOf, readLists } from "./lists";
import type { KeptLists, Lists } from "./lists";
import { confirm, confirmedBefore, numberAside, settle, undo, waiting } from "./queue";
import type { Waiting } from "./queue";
import type { QrReader } from "./reader";
import { Server } from "./server";
import type { CheckAnswer } from "./server";
import { IN, PASS, REFUSED, isFull, readState, writeState } from "./store";
import type { Decision, Direction, Recent } from "./store";
import { sendWaiting } from "./sync";
import type { Ended } from "./sync";
import { toneOf } from "./verdict";
import { duration, showArmed, showCamera, showChecked, showDone, showInside, showScanning, showStatus, showWay, showWords } from "./view";
import { text } from "../texts";
import type { Venue } from "../venue/contract";

/** The page at work, over the phone's store. */
export class Checkpoint {
  private readonly server = new Server((now, roundTripMs) => this.clock.heard(now, roundTripMs, look()));
  private readonly gate = new Gate();
  private readonly camera: Camera;
  private device: StoredDevice | null = null;
  private lists: Lists;
  private checked: Checked | null = null;
  private before: Recent | null = null;
  private armed: Decision | null = null;
  /** How the officer's switch stands; it counts at a venue alone. */
  private chosenWay: Direction = IN;
  private inside: Venue | null = null;
  private isOnline = navigator.onLine;
  private sessionWarning: string | null = null;
  private sendWarning: string | null = null;
  private storeWarning: string | null = null;
  private waits: Waiting = { scans: 0, refused: 0 };
  private isRefreshing = false;
  private isSending = false;
  private isDeciding = false;
  private timers: number[] = [];
  private sendTimer: number | undefined;
  private settleTimer: number | undefined;
  private backoffMs = BACKOFF_MIN_MS;
  private isStopped = false;
  private turn = 0;

  constructor(
    private readonly database: IDBDatabase,
    reader: Promise<QrReader | null>,
    video: HTMLVideoElement,
    private readonly clock: ServerClock,
    private kept: KeptLists | null,
  ) {
    this.lists = kept ? readLists(kept) : NO_LISTS;
    this.camera = new Camera(video, reader, (text) => this.sawCode(text), (state) => this.cameraChanged(state));
  }

  /** Opens the checkpoint with what the phone has kept. */
  static async open(
    database: IDBDatabase, reader: Promise<QrReader | null>, video: HTMLVideoElement,
  ): Promise<Checkpoint> {
    const clock = new ServerClock((await readState(database, "clock")) ?? null, look());
    const checkpoint = new Checkpoint(database, reader, video, clock, (await readState(database, "lists")) ?? null);
    const current = await readState(database, "current");
    checkpoint.device = (await devices(database)).find(({ slot }) => slot === current) ?? null;
    checkpoint.chosenWay = (await readState(database, "direction")) ?? IN;
    await settle(database);
    // They wait where they are while the phone has no room.
    await numberAside(database).catch(() => undefined);
    return checkpoint;
  }

  /** Begins to scan, and to keep in touch with the server. */
  async start(): Promise<void> {
    showScanning();
    showWay(this.direction);
    showInside(null, false);
    // Not awaited: the officer may take long to allow the camera, and other ways to scan need none.
    void this.camera.start();
    this.timers = [
      window.setInterval(() => this.tick(), 1000),
      window.setInterval(() => void this.refresh(), REFRESH_MS),
      window.setInterval(() => void this.countInside(), INSIDE_MS),
    ];
    await this.refresh();
  }

  /** Another tab has taken over: nothing is numbered or sent here any more. */
  stop(): void {
    this.isStopped = true;
    this.camera.stop();
    this.server.direct.close();
    for (const timer of [...this.timers, this.sendTimer, this.settleTimer]) clearTimeout(timer);
  }

  /** The page comes or goes. */
  visibilityChanged(): void {
    this.tick();
    if (this.isStopped) return;
    if (document.hidden) return this.camera.stop();
    if (this.checked === null) void this.camera.start();
    void this.refresh();
  }

  /** The network comes or goes. */
  networkChanged(): void {
    this.isOnline = navigator.onLine;
    this.backoffMs = BACKOFF_MIN_MS;
    this.server.direct.networkChanged();
    void this.refresh();
  }

  /** Starts the camera anew, after it was denied or lost. */
  restartCamera(): Promise<void> {
    return this.camera.start();
  }

  /** Switches the camera's light. */
  torch(isOn: boolean): void {
    void this.camera.torch(isOn).catch(() => undefined);
  }

  /** The officer has moved the switch. */
  async turnTo(direction: Direction): Promise<void> {
    this.chosenWay = direction;
    this.armed = null;
    showWay(this.direction);
    if (this.checked !== null) void this.show(this.checked, false);
    await writeState(this.database, "direction", direction);
  }

  /** A scanner that types has read something. */
  wedged(text: string): void {
    if (this.checked !== null && this.canConfirm(this.checked)) {
      signal("again");
      return showWords("decide_first");
    }
    void this.begin(scanned(text));
  }

  /** Checks an entry and shows it. */
  async begin(entry: Entry): Promise<void> {
    const turn = ++this.turn;
    this.camera.pause();
    this.before = null;
    this.showArmed(null);
    showWords("");
    showDone(null);
    let isFirst = true;
    await check(entry, this.means, (checked) => {
      if (turn === this.turn) this.show(checked, isFirst);
      isFirst = isFirst && checked.findings.length === 0;
    });
  }

  /** The officer has chosen among several. */
  async choose(match: CheckAnswer): Promise<void> {
    this.show(await chosen(match, this.means), true);
  }

  /** The matches to choose from. */
  get matches(): CheckAnswer[] {
    return this.checked?.matches ?? [];
  }

  /** The officer has decided. What needs a second thought is asked about on the button itself. */
  async decide(decision: Decision): Promise<void> {
    const checked = this.checked;
    const subject = checked && subjectOf(checked);
    if (!checked || !subject || !this.device || this.isDeciding) return;
    const isGrave = decision !== REFUSED && toneOf(checked.findings[0] ?? "unknown") === "stop";
    if ((this.before !== null || isGrave) && this.armed !== decision) return this.showArmed(decision);
    const { slot, site } = this.device;
    const pass = numberOf(checked) ?? subject;
    const at = this.clock.now;
    const aboard = aboardIn(checked, this.lists, at);
    const direction = this.direction;
    this.isDeciding = true;
    const failure = await confirm(this.database, { slot, site, subject, pass, at, decision, direction, ...aboard })
      .then(() => null, (reason: unknown) => (isFull(reason) ? "warn_full" : "warn_not_kept"));
    this.isDeciding = false;
    this.storeWarning = failure;
    await this.count();
    if (failure !== null) return signal("stop");
    showDone(decision, aboard?.aboard?.length);
    clearTimeout(this.settleTimer);
    this.settleTimer = window.setTimeout(() => void this.settle(), UNDO_MS);
    this.next();
  }

  /** Takes back the last decision. */
  async undo(): Promise<void> {
    const taken = await undo(this.database);
    showDone(null);
    showWords(taken ? "undone" : "undo_late");
    await this.count();
  }

  /** The officer has compared the document with what was declared. */
  async compared(): Promise<void> {
    const declaration = this.checked?.facts?.declaration;
    if (!declaration) return;
    showWords(await this.server.verified(declaration).then(() => "compared_kept", () => "compared_failed"));
  }

  /** Back to scanning. */
  next(): void {
    this.turn++;
    this.checked = null;
    this.gate.keep(performance.now());
    this.showArmed(null);
    showScanning();
    this.camera.look();
  }

  /** The officer signs out: this browser scans for no site until somebody signs in. */
  async signedOut(): Promise<void> {
    this.server.direct.close();
    await writeState(this.database, "current", undefined);
  }

  private readonly means: Means = {
    lists: () => this.lists,
    now: () => this.clock.now,
    isTimeLost: () => this.clock.isLost,
    ask: (question) => this.reached(this.server.check(question)),
    refreshLists: () => this.refreshLists().then(() => true, () => false),
  };

  private sawCode(text: string): void {
    if (this.checked !== null || !this.gate.passes(text, performance.now())) return;
    void this.begin(scanned(text));
  }

  private async show(checked: Checked, isFirst: boolean): Promise<void> {
    this.checked = checked;
    const tone = toneOf(checked.findings[0] ?? "unknown");
    if (isFirst && checked.findings.length > 0) signal(tone);
    showChecked(checked, "", this.canConfirm(checked));
    const subject = subjectOf(checked);
    if (!subject) return;
    const recent = (await readState(this.database, "recent")) ?? [];
    if (this.checked !== checked) return;
    this.before = confirmedBefore(recent, numberOf(checked) ?? subject, this.clock.now, this.direction);
    if (this.before === null) return;
    const age = duration(this.clock.now - this.before.at);
    showChecked(checked, text(`before_${this.before.decision}`, { age }), this.canConfirm(checked));
  }

  /** Which way people go who are scanned now. */
  private get direction(): Direction {
    return this.device?.isVenue ? this.chosenWay : PASS;
  }

  private canConfirm(checked: Checked): boolean {
    const isReady = this.device !== null && this.clock.isKnown;
    return isReady && subjectOf(checked) !== null && checked.matches.length === 0;
  }

  private showArmed(armed: Decision | null): void {
    this.armed = armed;
    showArmed(armed, this.before !== null);
  }

  private cameraChanged(state: Parameters<typeof showCamera>[0]): void {
    showCamera(state, this.camera.hasTorch);
  }

  private tick(): void {
    this.clock.look(look());
    this.showStatus();
  }

  private async settle(): Promise<void> {
    showDone(null);
    await settle(this.database);
    this.scheduleSend(0);
  }

  /** Asks who is signed in, fetches the lists, sends what waits. */
  private async refresh(): Promise<void> {
    if (this.isRefreshing || this.isStopped) return;
    this.isRefreshing = true;
    try {
      await this.refreshSession();
      await this.refreshLists();
    } catch {
      // What could not be done is seen in the bar, and done at the next turn.
    } finally {
      this.isRefreshing = false;
    }
    if (this.isStopped) return;
    // Not awaited: what waits is sent either way.
    if (this.device !== null && this.sessionWarning === null) void this.server.direct.prepare();
    if (this.clock.isKnown) await writeState(this.database, "clock", this.clock.kept());
    this.scheduleSend(0);
  }

  private async refreshSession(): Promise<void> {
    const me = await this.reached(this.server.session());
    const site = me?.kind === "account" ? me.site : undefined;
    this.sessionWarning = me === null || me.kind !== "account" ? "warn_sign_in" : site ? null : "warn_no_site";
    if (!site) return;
    const isSame = this.device?.site === site && this.device.number !== null && !this.device.isRetired;
    if (!isSame) {
      this.device = await deviceFor(this.database, site);
      this.device = await this.reached(registered(this.database, site, (key) => this.server.register(key)));
      this.inside = null;
    }
    await this.noteVenue(me?.kind === "account" && me.is_venue === true, !isSame);
  }

  private async noteVenue(isVenue: boolean, isNew: boolean): Promise<void> {
    if (this.device === null) return;
    const isOther = this.device.isVenue !== isVenue;
    if (isOther) this.device = await notedVenue(this.database, this.device.slot, isVenue);
    if (isOther || isNew) {
      this.armed = null;
      showWay(this.direction);
    }
    void this.countInside();
  }

  /** Asks how many are inside, as of the scans that the server has. */
  private async countInside(): Promise<void> {
    if (!this.device?.isVenue || this.isStopped || document.hidden) return;
    const { site } = this.device;
    const inside = await this.reached(this.server.venue(site)).catch(() => null);
    if (this.device.site !== site) return;
    this.inside = inside ?? this.inside;
    this.showStatus();
  }

  private async refreshLists(): Promise<void> {
    const fresh = await this.reached(this.server.lists(this.kept?.etag ?? null));
    const answer = fresh?.answer ?? this.kept?.answer;
    if (!answer) return;
    this.kept = { answer, etag: fresh ? fresh.etag : (this.kept?.etag ?? null), checkedAt: this.clock.now };
    this.lists = fresh ? readLists(this.kept) : { ...this.lists, checkedAt: this.clock.now };
    await writeState(this.database, "lists", this.kept);
  }

  private scheduleSend(afterMs: number): void {
    clearTimeout(this.sendTimer);
    if (!this.isStopped) this.sendTimer = window.setTimeout(() => void this.send(), afterMs);
  }

  private async send(): Promise<void> {
    if (this.isSending) return this.scheduleSend(BACKOFF_MIN_MS);
    this.isSending = true;
    const ended = await this.sendAll().finally(() => (this.isSending = false));
    this.sendWarning = SEND_WARNINGS[ended] ?? null;
    await this.followDevice();
    if (ended === "unreachable") this.isOnline = false;
    if (ended !== "sent") {
      this.scheduleSend(this.backoffMs * (0.5 + Math.random() / 2));
      this.backoffMs = Math.min(2 * this.backoffMs, BACKOFF_MAX_MS);
    } else this.backoffMs = BACKOFF_MIN_MS;
    await this.count();
    if (ended === "sent") void this.countInside();
  }

  /** Takes note where another device numbers in this one's place. */
  private async followDevice(): Promise<void> {
    const { device } = this;
    if (device === null) return;
    const inUse = await deviceInUse(this.database, device.slot);
    if (this.device === device && inUse.slot !== device.slot) this.device = inUse;
  }

  /** First the vehicles whose people are known by now: they go with what waits. */
  private async sendAll(): Promise<Ended> {
    const isWhole = await expandMissing(this.database, (pass, at) => this.server.aboard(pass, at));
    const ended = await sendWaiting(this.database, this.server.send, () => this.clock.now);
    return ended === "sent" && !isWhole ? "busy" : ended;
  }

  private async count(): Promise<void> {
    this.waits = await waiting(this.database);
    this.showStatus();
  }

  /** Notes from how a call ends whether there is a network. */
  private async reached<T>(call: Promise<T>): Promise<T> {
    try {
      const answer = await call;
      this.isOnline = true;
      return answer;
    } catch (reason) {
      this.isOnline = reason instanceof Problem;
      throw reason;
    }
  }

  private showStatus(): void {
    const warnings = [this.storeWarning, this.sessionWarning ?? this.sendWarning].filter((name) => name !== null);
    const { clock, lists } = this;
    const { inside } = this;
    const known = inside && { count: inside.inside, capacity: inside.capacity, at: inside.at };
    showInside(known, known !== null && clock.now - known.at > INSIDE_OLD_MS);
    showStatus({
      site: this.device?.siteName ?? "",
      isOnline: this.isOnline,
      waiting: this.waits,
      listsAge: ageOf(lists === NO_LISTS ? null : lists, clock.now),
      listsAgeMs: clock.now - lists.checkedAt,
      areListsCut: lists.isCut,
      isClockWrong: clock.isWallWrong,
      clockAheadMs: clock.aheadMs,
      isClockStale: clock.isStale,
      warnings,
    });
  }
}

/** The code of who is to be recorded; `null` where nobody can be. */
function subjectOf({ pass, facts, vehicle }: Checked): string | null {
  return pass?.subject ?? vehicle?.subject ?? facts?.subject ?? null;
}

function numberOf({ pass, vehicle }: Checked): string | null {
  return pass?.number ?? vehicle?.pass.pass ?? null;
}

function look(): Look {
  return { monotonic: performance.now(), wall: Date.now(), isAwake: !document.hidden };
}

const NO_LISTS: Lists = {
  revoked: new Set(), watch: new Map(), quarantine: new Set(), keys: [], vehicles: new Map(), isCut: false, skewMs: 60_000,
  checkedAt: 0,
};
const SEND_WARNINGS: Partial<Record<Ended, string>> = {
  sign_in: "warn_sign_in", forbidden: "warn_forbidden", rejected: "warn_rejected", gap: "warn_rejected", busy: "warn_busy",
  unregistered: "warn_unregistered",
};
/** For so long a decision can be taken back. */
const UNDO_MS = 5_000;
const REFRESH_MS = 60_000;
const INSIDE_MS = 15_000;
/** How many are inside is said with its time when it is older. */
const INSIDE_OLD_MS = 60_000;
const BACKOFF_MIN_MS = 2_000;
const BACKOFF_MAX_MS = 60_000;
