// A form that is filled in without a mouse: Enter goes on to the next field, and sends from the last one.

/** Lets Enter go on in this form; `send` is called behind the last field, and for Ctrl+Enter anywhere. */
export function startKeys(form: HTMLFormElement, send: () => void): void {
  form.addEventListener("keydown", (event) => {
    const target = event.target as HTMLElement;
    if (event.key !== "Enter" || event.defaultPrevented || event.isComposing || !isField(target)) return;
    event.preventDefault();
    if (event.ctrlKey || event.metaKey) return send();
    if (isUnchosen(target)) return; // Its list is about to open.
    goOn(form, target, send);
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
  fieldsOf(form)[0]?.focus();
}

function goOn(form: HTMLFormElement, from: HTMLElement, send: () => void): void {
  const fields = fieldsOf(form);
  const next = fields[fields.indexOf(from) + 1];
  if (!next) return send();
  next.focus();
  if (next instanceof HTMLInputElement && next.type === "text") next.select();
}

/** What Enter visits: every field that is there and not left to the Tab key. */
function fieldsOf(form: HTMLFormElement): HTMLElement[] {
  const all = [...form.querySelectorAll<HTMLElement>("input:not([type=hidden]), select")];
  return all.filter((field) => isField(field) && field.closest("[data-skip], [hidden], details:not([open])") === null);
}

function isField(target: HTMLElement): boolean {
  return target instanceof HTMLInputElement || target instanceof HTMLSelectElement;
}

/** Whether an area was typed and not chosen. */
function isUnchosen(target: HTMLElement): boolean {
  const hidden = target.closest(".area-field")?.querySelector<HTMLInputElement>("input[type=hidden]");
  return hidden?.value === "" && (target as HTMLInputElement).value.trim() !== "";
}
