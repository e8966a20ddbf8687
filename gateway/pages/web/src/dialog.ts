// A question in a dialog: its form's values when it is answered, `null` when it is put away.

import { at, say } from "./dom";
import { readValues } from "./fields";
import type { Values } from "./declaration";

/** Opens the dialog `#ask` for as long as `act` throws words to be shown; `act` gets the form's values. */
export function ask(title: string, yes: string, act: (values: Values) => Promise<void>): void {
  const dialog = at<HTMLDialogElement>("ask");
  const form = at<HTMLFormElement>("ask-form");
  form.reset();
  say(at("ask-flaw"), "");
  at("ask-title").textContent = title;
  const button = at<HTMLButtonElement>("ask-yes");
  button.textContent = yes;
  at("ask-no").onclick = () => dialog.close();
  form.onsubmit = (event) => {
    event.preventDefault();
    button.disabled = true;
    act(readValues(form))
      .then(() => dialog.close())
      .catch((refusal: unknown) => say(at("ask-flaw"), refusal instanceof Error ? refusal.message : String(refusal)))
      .finally(() => (button.disabled = false));
  };
  dialog.showModal();
}
