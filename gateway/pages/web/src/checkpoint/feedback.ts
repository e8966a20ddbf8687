// A short sound and a buzz, of one kind for good and of another for all else, so that an officer need not
// look at the screen. They can be switched off.

import type { Tone } from "./verdict";

const KEY = "checkpoint-sound";

/** Whether sounds are on. */
export function isSoundOn(): boolean {
  return localStorage.getItem(KEY) !== "off";
}

/** Switches sounds. */
export function switchSound(isOn: boolean): void {
  localStorage.setItem(KEY, isOn ? "on" : "off");
}

/** Sounds and buzzes as the tone says. */
export function signal(tone: Tone): void {
  if (!isSoundOn()) return;
  const isGood = tone === "good";
  navigator.vibrate?.(isGood ? 60 : [180, 90, 180]);
  context ??= new AudioContext();
  // Browsers let a page sound only after a first touch; until then there is the buzz.
  if (context.state === "suspended") void context.resume();
  if (isGood) return beep(context, 1320, 0, 0.09);
  beep(context, 330, 0, 0.16);
  beep(context, tone === "stop" ? 220 : 330, 0.22, 0.2);
}

function beep(context: AudioContext, frequency: number, afterSeconds: number, seconds: number): void {
  const from = context.currentTime + afterSeconds;
  const oscillator = new OscillatorNode(context, { frequency, type: "square" });
  const volume = new GainNode(context, { gain: 0.12 });
  oscillator.connect(volume).connect(context.destination);
  oscillator.start(from);
  oscillator.stop(from + seconds);
}

let context: AudioContext | undefined;
