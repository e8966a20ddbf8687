// The page /hooks: which systems elsewhere are told of journeys, and how each does. Only administrators get
// answers.

import { call, Problem } from "../api";
import { AreaField } from "../area-field";
import type { AreaName } from "../contract";
import { ask } from "../dialog";
import { at, element, say, show } from "../dom";
import { readValues } from "../fields";
import { clearFlaw, clearFlaws, showFlaws } from "../flaws";
import { moment } from "../format";
import { text } from "../texts";
import { troubleOf } from "../trouble";
import { startWork } from "../work";

interface Hook {
  hook: string;
  area: AreaName;
  url: string;
  by: string;
  due: number;
  failures: number;
  taken_at?: number;
  failed_at?: number;
  trouble?: { kind: string; status?: number };
  next_at?: number;
}

interface HookPage {
  hooks: Hook[];
  next?: string;
}

const form = at<HTMLFormElement>("add");
const areaField = new AreaField(document.querySelector(".area-field") as HTMLElement);
let shown: Hook[] = [];
let next: string | undefined;

void start();

async function start(): Promise<void> {
  form.addEventListener("input", ({ target }) => {
    const field = (target as HTMLElement).closest<HTMLElement>(".field");
    if (field) clearFlaw(field);
  });
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    void add();
  });
  at("more").addEventListener("click", () => void showMore());
  at("secret-kept").addEventListener("click", () => tellSecret(""));
  if (!(await startWork(["administrator"]))) return;
  await showAll();
  setInterval(() => void lookAgain(), LOOK_EVERY_MS);
}

// ---- how each does -------------------------------------------------------------------------------

async function showAll(): Promise<void> {
  shown = [];
  next = undefined;
  await showMore();
}

async function showMore(): Promise<void> {
  try {
    const after = next === undefined ? "" : `?after=${next}`;
    const page = await call<HookPage>("GET", `/hooks${after}`);
    shown = [...shown, ...page.hooks];
    next = page.next;
    draw();
  } catch (failure) {
    showFlaws([], troubleOf(failure));
  }
}

/** As it is now, while the first page is all there is and nobody is asked anything. */
async function lookAgain(): Promise<void> {
  if (document.hidden || next !== undefined || shown.length > LOOKED_AT_MAX || at<HTMLDialogElement>("ask").open) return;
  const page = await call<HookPage>("GET", "/hooks").catch(() => null);
  if (page === null || JSON.stringify(page.hooks) === JSON.stringify(shown)) return;
  shown = page.hooks;
  next = page.next;
  draw();
}

function draw(): void {
  const focused = document.activeElement?.id ?? "";
  at("rows").replaceChildren(...shown.map(row));
  show(at("none"), shown.length === 0);
  show(at("more"), next !== undefined);
  if (focused !== "") document.getElementById(focused)?.focus();
}

function row(hook: Hook): HTMLLIElement {
  const retry = button(`retry-${hook.hook}`, "secondary", text("retry"), () => void retryNow(hook));
  const remove = button(`remove-${hook.hook}`, "danger", text("remove"), () => removeAfterAsking(hook));
  const actions = element("p", { class: "actions" }, ...(hook.failures > 0 ? [retry] : []), remove);
  return element(
    "li",
    { "data-hook": hook.hook },
    element("strong", { class: "code" }, hook.url),
    element("span", {}, `${hook.area.name} · ${text("made_by", { account: hook.by })}`),
    element("span", { class: `state ${hook.failures > 0 ? "revoked" : "valid"}` }, stateOf(hook)),
    element("span", { class: "note" }, sinceOf(hook)),
    actions,
  );
}

function stateOf(hook: Hook): string {
  if (hook.failures === 0) return hook.due === 0 ? text("knows_all") : text("is_told", { n: dueOf(hook) });
  const why = hook.trouble ? text(`trouble_${hook.trouble.kind}`, { status: hook.trouble.status ?? "" }) : "";
  return [text(hook.failures === 1 ? "failed_once" : "failed", { n: hook.failures }), why].filter(Boolean).join(": ");
}

function sinceOf(hook: Hook): string {
  const taken = hook.taken_at === undefined ? "" : text("taken_at", { at: moment(hook.taken_at) });
  if (hook.failures === 0) return taken;
  const waiting = text("waiting", { n: dueOf(hook) });
  const again = hook.next_at === undefined ? "" : text("next_at", { at: moment(hook.next_at) });
  return [waiting, again, taken].filter(Boolean).join(" · ");
}

function dueOf({ due }: Hook): string {
  return due >= DUE_COUNTED_MAX ? `${DUE_COUNTED_MAX}+` : String(due);
}

function button(id: string, kind: string, words: string, act: () => void): HTMLButtonElement {
  const made = element("button", { type: "button", class: kind, id }, words);
  made.addEventListener("click", act);
  return made;
}

// ---- changing ------------------------------------------------------------------------------------

async function add(): Promise<void> {
  const url = (readValues(form)["url"] ?? "").trim();
  const body = { area: areaField.code, url };
  const missing = Object.entries(body).filter(([, value]) => value === "");
  if (missing.length > 0) {
    return showFlaws(missing.map(([field]) => ({ field, code: "missing" })), text("flaws_lead"));
  }
  clearFlaws();
  try {
    const { secret } = await call<{ secret: string }>("POST", "/hooks", { body });
    form.reset();
    await areaField.choose("");
    tellSecret(secret);
    await showAll();
  } catch (failure) {
    const flaws = failure instanceof Problem ? failure.flaws : [];
    const isFull = failure instanceof Problem && failure.status === 409;
    showFlaws(flaws, flaws.length > 0 ? text("flaws_lead") : isFull ? text("too_many") : troubleOf(failure));
  }
}

/** Shows a secret until it was kept elsewhere: it is told once. */
function tellSecret(secret: string): void {
  at("secret").textContent = secret;
  show(at("made"), secret !== "");
  if (secret !== "") at("made").focus();
}

async function retryNow(hook: Hook): Promise<void> {
  try {
    await call("POST", `/hooks/${hook.hook}/retry`);
    say(at("done"), text("is_retried", { url: hook.url }));
    await showAll();
  } catch (failure) {
    showFlaws([], troubleOf(failure));
  }
}

function removeAfterAsking(hook: Hook): void {
  ask(text("remove_title", { url: hook.url }), text("remove"), async () => {
    try {
      await call("DELETE", `/hooks/${hook.hook}`);
    } catch (failure) {
      throw new Error(troubleOf(failure));
    }
    say(at("done"), text("was_removed", { url: hook.url }));
    await showAll();
  });
}

const LOOK_EVERY_MS = 5_000;
const LOOKED_AT_MAX = 100;
/** As the server counts. */
const DUE_COUNTED_MAX = 1_000;
