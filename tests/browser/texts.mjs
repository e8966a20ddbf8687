// The words of the pages, so that a test may say which text it means and not how it is put.

import fs from "node:fs";

const folder = new URL("../../gateway/pages/texts/", import.meta.url);
const texts = Object.fromEntries(
  ["vi", "en"].map((language) => [language, JSON.parse(fs.readFileSync(new URL(`${language}.json`, folder), "utf8"))]),
);

/** The text `name` of `section` in a language, with `{places}` filled in. */
export function words(language, section, name, places = {}) {
  const text = texts[language][section][name];
  if (text === undefined) throw new Error(`there is no text ${section}.${name} in ${language}`);
  return text.replace(/\{(\w+)\}/g, (place, key) => places[key] ?? place);
}
