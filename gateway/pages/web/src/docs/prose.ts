// Elements that several parts of the page make: the server's prose, code, text that scrolls.

import { element } from "../dom";

/** A sentence of the description, which is English, with its `code` and *terms*. */
export function prose(words: string): HTMLSpanElement {
  const parts = words.split(/(`[^`]+`|\*[^*]+\*)/).filter(Boolean);
  return element("span", { lang: "en" }, ...parts.map(part));
}

function part(words: string): Node | string {
  const inner = words.slice(1, -1);
  if (words.startsWith("`") && inner) return element("code", {}, inner);
  return words.startsWith("*") && inner ? element("em", {}, inner) : words;
}

/** Text as it is, in a box that scrolls and is reached by keyboard. */
export function plain(words: string, name: string): HTMLPreElement {
  return element("pre", { tabindex: "0", role: "group", "aria-label": name }, words);
}

export function json(value: unknown): string {
  return JSON.stringify(value, null, 2);
}
