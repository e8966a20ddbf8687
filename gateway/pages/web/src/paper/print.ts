// Passes on paper, eight to a page. The pages are pictures of the server, loaded before they are printed.

import type { PassView } from "../contract";
import { at, element, say } from "../dom";
import { moment } from "../format";
import { drawQr } from "../qr";
import { language, text } from "../texts";
import { batchesOf, sheetsOf } from "./sheets";

/** Loads `count` pages from `first` on, and opens the browser's printing. `{sheet}` stands for a page's number. */
export async function printSheets(path: string, first: number, count: number): Promise<void> {
  say(at("print-said"), text("print_loading"));
  const sheets = Array.from({ length: count }, (_, i) => sheetOf(path, first + i));
  at("sheets").replaceChildren(...sheets);
  try {
    await Promise.all(sheets.map((sheet) => sheet.decode()));
    say(at("print-said"), "");
    window.print();
  } catch {
    say(at("print-said"), text("print_failed"));
  }
}

/** Prints as many passes as `count` finds now: at once, or a batch at a time, by buttons in `batches`. */
export async function printAll(path: string, count: () => Promise<number>, batches: HTMLElement): Promise<void> {
  say(at("print-said"), text("print_loading"));
  const sheets = await count().then(sheetsOf, () => null);
  if (sheets === null) return say(at("print-said"), text("print_failed"));
  const [only, ...others] = batchesOf(sheets);
  showBatches(batches, path, others.length > 0 ? sheets : 0);
  if (only === undefined || others.length > 0) return say(at("print-said"), "");
  await printSheets(path, only.first, only.count);
}

/** A button for each batch of the sheets. */
export function showBatches(where: HTMLElement, path: string, sheets: number): void {
  const batches = batchesOf(sheets);
  const buttons = batches.slice(0, BATCHES_SHOWN).map(({ first, count }) => {
    const words = batches.length === 1 ? text("print_all", { n: count }) : text("print_some", { from: first, to: first + count - 1 });
    const button = element("button", { type: "button", class: "secondary" }, words);
    button.addEventListener("click", () => void printSheets(path, first, count));
    return button;
  });
  where.replaceChildren(...buttons);
}

/** Prints one pass, drawn here: who came on foot is on no sheet of the server's. */
export function printPass(name: string, { pass, token, valid_until }: PassView): void {
  const card = at<HTMLTemplateElement>("one-pass").content.firstElementChild?.cloneNode(true) as HTMLElement;
  const part = (named: string): HTMLElement => card.querySelector(`[data-part=${named}]`) as HTMLElement;
  part("name").textContent = name;
  part("number").textContent = pass;
  part("until").textContent = text("valid_until", { at: moment(valid_until) });
  drawQr(part("qr"), token);
  at("sheets").replaceChildren(card);
  window.print();
}

/** Nothing with a name stays in the page longer than it is printed. */
export function clearSheets(): void {
  at("sheets").replaceChildren();
}

function sheetOf(path: string, number: number): HTMLImageElement {
  const [address = "", query = ""] = path.replace("{sheet}", String(number)).split("?");
  const asked = new URLSearchParams(query);
  asked.set("lang", language);
  return element("img", { src: `/api/v1${address}?${asked}`, alt: text("sheet", { n: number }) });
}

const BATCHES_SHOWN = 40;
