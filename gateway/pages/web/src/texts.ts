// Texts of this page in its language, as the server put them into the page.

const texts = JSON.parse(document.getElementById("texts")?.textContent ?? "{}") as Record<string, string>;

/** The language of the page, "vi" or "en". */
export const language = document.documentElement.lang === "en" ? "en" : "vi";

/** How dates and numbers are written. */
export const locale = language === "en" ? "en-GB" : "vi-VN";

/** The text `name`, with `{key}` replaced by `values.key`. A text that is missing shows its name. */
export function text(name: string, values: Record<string, string | number> = {}): string {
  const found = texts[name] ?? name;
  return found.replace(/\{(\w+)\}/g, (_, key: string) => String(values[key] ?? ""));
}

/** Whether there is a text `name`. */
export function hasText(name: string): boolean {
  return name in texts;
}
