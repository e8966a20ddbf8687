// Passes on paper, eight to a page. The pages are pictures of the server, loaded before they are printed.

import { at, element, say } from "../dom";
import { language, text } from "../texts";

/** Most pages that are printed at once: browsers hold them all. */
export const PAGES_AT_ONCE = 25;

/** Loads the pages from `first` on, and opens the browser's printing. `{sheet}` stands for a page's number. */
export async function printSheets(path: string, first: number, pages: number): Promise<void> {
  say(at("print-said"), text("print_loading"));
  const sheets = Array.from({ length: pages }, (_, i) => sheetOf(path, first + i));
  at("sheets").replaceChildren(...sheets);
  try {
    await Promise.all(sheets.map((sheet) => sheet.decode()));
    say(at("print-said"), "");
    window.print();
  } catch {
    say(at("print-said"), text("print_failed"));
  }
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
