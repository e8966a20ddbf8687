// What came back: status, time and body. Whatever it holds is shown as text or as a picture, never run.

import { element } from "../dom";
import { locale, text } from "../texts";
import { json, plain } from "./prose";

const SHOWN_CHARS_MAX = 200_000;
const numbers = new Intl.NumberFormat(locale, { maximumFractionDigits: 0 });

/** An answer with its whole body, and the time it took. */
export interface Answer {
  status: string;
  type: string;
  bytes: ArrayBuffer;
  ms: number;
}

/** Sends the request; the cookies of this origin go along. Throws when no answer comes. */
export async function send(address: string, request: RequestInit): Promise<Answer> {
  const begun = performance.now();
  const response = await fetch(address, { ...request, credentials: "same-origin", cache: "no-store" });
  const bytes = await response.arrayBuffer();
  const type = (response.headers.get("content-type") ?? "").split(";")[0] ?? "";
  const status = `${response.status} ${response.statusText}`.trim();
  return { status, type, bytes, ms: performance.now() - begun };
}

/** Its status, time and size in a line. */
export function lineOf({ status, bytes, ms, type }: Answer): string {
  const told = text("answer_line", { status, ms: numbers.format(ms), bytes: numbers.format(bytes.byteLength) });
  return type ? `${told} · ${type}` : told;
}

/** Its body: JSON indented, other text as it is, pictures as pictures, the rest as a size. */
export function bodyOf({ type, bytes }: Answer): Node {
  if (bytes.byteLength === 0) return note(text("no_body"));
  if (type.startsWith("image/")) return picture(new Blob([bytes], { type }));
  if (!isText(type)) return note(text("bytes_only", { bytes: numbers.format(bytes.byteLength) }));
  return words(new TextDecoder().decode(bytes), type);
}

function isText(type: string): boolean {
  return type.startsWith("text/") || type.startsWith("application/openmetrics") || type.includes("json");
}

function words(received: string, type: string): Node {
  const whole = type.endsWith("json") ? indented(received) : received;
  const shown = plain(whole.slice(0, SHOWN_CHARS_MAX), text("answer"));
  if (whole.length <= SHOWN_CHARS_MAX) return shown;
  const all = document.createDocumentFragment();
  all.append(shown, note(text("cut_off", { shown: numbers.format(SHOWN_CHARS_MAX) })));
  return all;
}

/** As it came where it is no single JSON value, such as a value a line. */
function indented(received: string): string {
  try {
    return json(JSON.parse(received));
  } catch {
    return received;
  }
}

function picture(blob: Blob): HTMLImageElement {
  const address = URL.createObjectURL(blob);
  const image = element("img", { class: "picture", alt: text("picture"), src: address });
  for (const end of ["load", "error"]) image.addEventListener(end, () => URL.revokeObjectURL(address));
  return image;
}

function note(told: string): HTMLParagraphElement {
  return element("p", { class: "note" }, told);
}
