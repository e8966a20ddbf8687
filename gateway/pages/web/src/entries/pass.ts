// The page /pass/{id}: one pass, shown at once from the device, brought up to date when there is a network.

import { Problem } from "../api";
import { Device, type KeptPass } from "../device";
import { at, say, show } from "../dom";
import { moment } from "../format";
import { keepOffline } from "../offline";
import { refreshPass } from "../own-passes";
import { stateOf, wordsOf } from "../pass-state";
import { drawQr } from "../qr";
import { factsOf } from "../review";
import { startShell } from "../shell";
import { SituationBox } from "../situation/box";
import { text } from "../texts";

const EACH_MS = 20_000;
const device = new Device(localStorage);
const situation = new SituationBox([at("situation")], device);
const id = decodeURIComponent(location.pathname.split("/").pop() ?? "");

void startShell();
at("print").addEventListener("click", () => print());
showKept();
void refresh();
setInterval(showKept, EACH_MS);
void keepOffline();

function kept(): KeptPass | undefined {
  return device.passes.find((pass) => pass.pass === id);
}

async function refresh(): Promise<void> {
  try {
    await refreshPass(device, id);
    say(at("message"), "");
  } catch (failure) {
    say(at("message"), trouble(failure));
  }
  showKept();
}

function trouble(failure: unknown): string {
  if (kept()) return failure instanceof Problem ? "" : text("shown_from_device");
  if (!(failure instanceof Problem)) return text("unreachable");
  return text(failure.status === 404 ? "no_such_pass" : "sign_in_for_pass");
}

function showKept(): void {
  const pass = kept();
  if (!pass) return;
  const now = Date.now();
  const { word, sentence } = wordsOf(pass, now);
  say(at("pass-state"), word);
  at("pass-state").className = `state big ${stateOf(pass, now)}`;
  at("validity").textContent = sentence;
  at("pass-number").textContent = pass.pass;
  at("facts").replaceChildren(...factsOf(linesOf(pass)).children);
  drawQr(at("qr"), pass.token);
  showSituation(pass, now);
  show(at("pass"));
  show(at("print"));
}

/** How it is where the journey begins and ends; of a pass that is over nobody asks. */
function showSituation({ from, to, departs_at, valid_until, revoked }: KeptPass, now: number): void {
  if (revoked || valid_until <= now) return;
  void situation.update(from?.code ?? "", to?.code ?? "", departs_at && departs_at > now ? departs_at : null);
}

function linesOf(pass: KeptPass): [string, string][] {
  return [
    [text("name"), pass.holder ?? ""],
    [text("from"), pass.from?.name ?? ""],
    [text("to"), pass.to?.name ?? ""],
    [text("departs_at"), pass.departs_at ? moment(pass.departs_at) : ""],
    [text("issued_at"), moment(pass.issued_at)],
    [text("declaration"), pass.declaration ?? ""],
  ];
}
