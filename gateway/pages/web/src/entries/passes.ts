// The page /passes: a citizen's own passes, those kept on the device first.

import { Problem } from "../api";
import { Device, type KeptPass } from "../device";
import { at, element, say, show } from "../dom";
import { startForget } from "../forget";
import { moment } from "../format";
import { keepOffline } from "../offline";
import { refreshPasses } from "../own-passes";
import { stateOf, wordsOf } from "../pass-state";
import { startShell } from "../shell";
import { language, text } from "../texts";

const device = new Device(localStorage);
let next: string | undefined;

startForget(device);
void startShell();
showPasses();
void refresh();
at("more").addEventListener("click", () => void refresh(next));
void keepOffline();

async function refresh(before?: string): Promise<void> {
  try {
    next = await refreshPasses(device, before);
    say(at("state"), "");
  } catch (failure) {
    next = undefined;
    const signedOut = failure instanceof Problem && [401, 403].includes(failure.status);
    say(at("state"), text(signedOut ? "sign_in_for_more" : "shown_from_device"));
    show(at("sign-in-part"), signedOut);
  }
  show(at("more"), next !== undefined);
  showPasses();
}

function showPasses(): void {
  const now = Date.now();
  at("passes").replaceChildren(...device.passes.map((pass) => element("li", {}, cardOf(pass, now))));
  show(at("none"), device.passes.length === 0);
}

function cardOf(pass: KeptPass, now: number): HTMLElement {
  const { word, sentence } = wordsOf(pass, now);
  const way = pass.from && pass.to ? `${pass.from.name} → ${pass.to.name}` : pass.pass;
  const departs = pass.departs_at ? text("departing", { at: moment(pass.departs_at) }) : "";
  return element(
    "a",
    { class: "card pass-card", href: `/pass/${encodeURIComponent(pass.pass)}?lang=${language}` },
    element("span", { class: `state ${stateOf(pass, now)}` }, word),
    element("strong", {}, way),
    element("span", { class: "note" }, [departs, sentence].filter(Boolean).join(" · ")),
  );
}
