// A form that is filled in without a mouse: Enter goes on to the next field, and sends from the last one.

/** Lets Enter go on in this form; `send` is called behind the last field, and for Ctrl+Enter anywhere. */
export function startKeys(form: HTMLFormElement, send: () => void): void {
  form.addEventListener("keydown", (event) => {
    const target = event.target as HTMLElement;
    if (event.key !== "Enter" || event.defaultPrevented || event.isComposing || !isField(target)) return;
    event.preventDefault();
    // Held down it goes on, and sends nothing: the next person may stand there by then.
    const sendOnce = event.repeat ? (): void => undefined : send;
    if (event.ctrlKey || event.metaKey) return sendOnce();
    if (isUnchosen(target)) return; // Its list is about to open.
    goOn(form, target, sendOnce);
  });
  // An area was chosen: nothing more is to be typed there.
  form.addEventListener("change", (event) => {
    const hidden = event.target as HTMLInputElement;
    const input = hidden.closest(".area-field")?.querySelector<HTMLInputElement>("input:not([type=hidden])");
    if (hidden.type === "hidden" && input && input === document.activeElement) goOn(form, input, send);
  });
}

/** Puts the focus on the first field. */
export function goToFirst(form: HTMLFormElement): void {
  const first = controlsOf(form).find(isVisited);
  if (first) enter(first);
}

function goOn(form: HTMLFormElement, from: HTMLElement, send: () => void): void {
  const all = controlsOf(form);
  const next = all.slice(all.indexOf(from) + 1).find(isVisited);
  if (!next) return send();
  enter(next);
}

function enter(field: HTMLElement): void {
  field.focus();
  if (field instanceof HTMLInputElement && field.type === "text") field.select();
}

function controlsOf(form: HTMLFormElement): HTMLElement[] {
  return [...form.querySelectorAll<HTMLElement>("input:not([type=hidden]), select")];
}

/** What Enter visits: every field that is there and not left to the Tab key. */
function isVisited(field: HTMLElement): boolean {
  return isField(field) && field.closest("[data-skip], [hidden], details:not([open])") === null;
}

function isField(target: HTMLElement): boolean {
  return target instanceof HTMLInputElement || target instanceof HTMLSelectElement;
}

/** Whether an area was typed and not chosen. */
function isUnchosen(target: HTMLElement): boolean {
  const hidden = target.closest(".area-field")?.querySelector<HTMLInputElement>("input[type=hidden]");
  return hidden?.value === "" && (target as HTMLInputElement).value.trim() !== "";
}
