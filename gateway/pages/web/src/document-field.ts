// Kind and number of a document: which keyboard a phone shows, and who issued a passport.

/** Starts the fields of the document at `path` within `part`. */
export function startDocument(part: ParentNode, path: string): void {
  const radios = [...part.querySelectorAll<HTMLInputElement>(`input[name="${path}.kind"]`)];
  for (const radio of radios) radio.addEventListener("change", () => showDocument(part, path));
  showDocument(part, path);
}

/** Shows what the chosen kind of document needs. */
export function showDocument(part: ParentNode, path: string): void {
  const chosen = part.querySelector<HTMLInputElement>(`input[name="${path}.kind"]:checked`);
  const passport = chosen?.value === "passport";
  const number = part.querySelector<HTMLInputElement>(`input[name="${path}.number"]`);
  if (number) number.inputMode = passport ? "text" : "numeric";
  const country = part.querySelector<HTMLElement>(`[data-field="${path}.country"]`);
  if (country) country.hidden = !passport;
}
