// Opens the checkpoint in this tab, unless another has it, and connects it with what the officer does.

import { at, show } from "../dom";
import { keepOffline } from "../offline";
import { Checkpoint } from "./checkpoint";
import { typed } from "./entry";
import { isSoundOn, switchSound } from "./feedback";
import { newReader } from "./reader";
import { openStore } from "./store";
import { DECISIONS, WAYS, matchOf, showCamera, showElsewhere } from "./view";
import { WedgeScanner } from "./wedge";

/** Starts the page. */
export function startCheckpoint(): void {
  at("use-here").addEventListener("click", () => void holdAndOpen({ steal: true }));
  void holdAndOpen({ ifAvailable: true });
}

/** Opens the checkpoint as long as no other tab takes it over: one tab numbers and sends. */
async function holdAndOpen(how: LockOptions): Promise<void> {
  if (!("locks" in navigator)) return open(new Promise(() => undefined));
  let taken: () => void = () => undefined;
  const takenOver = new Promise<void>((resolve) => (taken = resolve));
  const held = navigator.locks.request("truyvet-checkpoint", how, (lock) => {
    if (lock === null) return showElsewhere(true);
    void open(takenOver);
    return new Promise<void>(() => undefined);
  });
  await held.catch(taken);
}

async function open(takenOver: Promise<void>): Promise<void> {
  showElsewhere(false);
  const video = at<HTMLVideoElement>("video");
  const database = await openStore().catch(() => null);
  if (!database) return showCamera("cannot_keep", false);
  const reader = newReader(at("desk").dataset["reader"] ?? "").catch(() => null);
  void navigator.storage?.persist?.();
  const checkpoint = await Checkpoint.open(database, reader, video);
  void takenOver.then(() => {
    checkpoint.stop();
    database.close();
    showElsewhere(true);
  });
  connect(checkpoint);
  // Once the reader is there too, since only what was loaded is kept.
  void reader.then(() => keepOffline()).catch(() => undefined);
  await checkpoint.start();
  await stayAwake();
}

function connect(checkpoint: Checkpoint): void {
  for (const [decision, id] of DECISIONS) at(id).onclick = () => void checkpoint.decide(decision);
  for (const [direction, id] of WAYS) at(`way-${id}`).onclick = () => void checkpoint.turnTo(direction);
  at("skip").onclick = () => checkpoint.next();
  at("undo").onclick = () => void checkpoint.undo();
  at("compared").onclick = () => void checkpoint.compared();
  at("camera-again").onclick = () => void checkpoint.restartCamera();
  at("declared").onclick = (event) => {
    const match = matchOf(event, checkpoint.matches);
    if (match) void checkpoint.choose(match);
  };
  document.onvisibilitychange = () => {
    checkpoint.visibilityChanged();
    void stayAwake();
  };
  window.ononline = window.onoffline = () => checkpoint.networkChanged();
  at("sign-out").addEventListener("click", () => void checkpoint.signedOut());
  connectTools(checkpoint);
  connectTyping(checkpoint);
  connectWedge(checkpoint);
}

function connectTools(checkpoint: Checkpoint): void {
  toggle("torch", false, (isOn) => checkpoint.torch(isOn));
  toggle("sound", isSoundOn(), switchSound);
}

function connectTyping(checkpoint: Checkpoint): void {
  const form = at<HTMLFormElement>("typing");
  const field = at<HTMLInputElement>("typed");
  at("type").onclick = () => {
    show(form, form.hidden);
    at("type").setAttribute("aria-expanded", String(!form.hidden));
    if (!form.hidden) field.focus();
  };
  form.onsubmit = (event) => {
    event.preventDefault();
    const text = field.value.trim();
    if (text === "") return;
    field.value = "";
    show(form, false);
    at("type").setAttribute("aria-expanded", "false");
    void checkpoint.begin(typed(text));
  };
}

function connectWedge(checkpoint: Checkpoint): void {
  const wedge = new WedgeScanner();
  window.onkeydown = (event) => {
    const isTyping = event.target instanceof HTMLInputElement;
    const { text, isScanners } = wedge.key(event.key, event.timeStamp, isTyping);
    if (isScanners) event.preventDefault();
    if (text !== null) checkpoint.wedged(text);
  };
}

function toggle(id: string, isOnAtFirst: boolean, switched: (isOn: boolean) => void): void {
  const button = at(id);
  button.setAttribute("aria-pressed", String(isOnAtFirst));
  button.onclick = () => {
    const isOn = button.getAttribute("aria-pressed") !== "true";
    button.setAttribute("aria-pressed", String(isOn));
    switched(isOn);
  };
}

/** Keeps the screen on; browsers let go of it whenever the page is hidden. */
async function stayAwake(): Promise<void> {
  if (!document.hidden) await navigator.wakeLock?.request("screen").catch(() => undefined);
}
