// Few words for the document. What people wrote is only ever put in as text.

/** The element with this id, which the template has. */
export function at<T extends HTMLElement = HTMLElement>(id: string): T {
  const found = document.getElementById(id);
  if (!found) throw new Error(`the template has no #${id}`);
  return found as T;
}

type Child = Node | string;

/** A new element; `attributes` as in HTML, `null` leaves one out. */
export function element<K extends keyof HTMLElementTagNameMap>(
  name: K,
  attributes: Record<string, string | null> = {},
  ...children: Child[]
): HTMLElementTagNameMap[K] {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) if (value !== null) made.setAttribute(key, value);
  made.append(...children);
  return made;
}

/** Shows or hides an element. */
export function show(shown: HTMLElement, visible = true): void {
  shown.hidden = !visible;
}

/** Says something in a live region; saying the same again would read it out again. */
export function say(region: HTMLElement, words: string): void {
  if (region.textContent !== words) region.textContent = words;
  region.hidden = words === "";
}
