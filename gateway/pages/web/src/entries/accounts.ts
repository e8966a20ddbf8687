// The page /accounts: who may do what. Only administrators get answers.

import { call, Problem } from "../api";
import { AreaField } from "../area-field";
import type { Role } from "../contract";
import { ask } from "../dialog";
import { at, element, say, show } from "../dom";
import { readValues } from "../fields";
import { clearFlaw, clearFlaws, showFlaws } from "../flaws";
import { newKey } from "../outbox";
import { text } from "../texts";
import { troubleOf } from "../trouble";
import { startWork } from "../work";

interface Account {
  account: string;
  name: string;
  role: Role;
  site?: string;
  site_name?: string;
  area?: string;
  area_name?: string;
  disabled?: boolean;
}

const PASSWORD_CHARS = 14;
const AREA_ROLES = ["ward", "health", "epidemiologist"];
const form = at<HTMLFormElement>("add");
const areaField = new AreaField(document.querySelector(".area-field") as HTMLElement);
let addKey = newKey();

void start();

async function start(): Promise<void> {
  form.addEventListener("input", (event) => {
    const field = (event.target as HTMLElement).closest<HTMLElement>(".field");
    if (field) clearFlaw(field);
  });
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    void add();
  });
  at("role").addEventListener("change", showPlace);
  at("invent").addEventListener("click", () => (at<HTMLInputElement>("password").value = inventPassword()));
  showPlace();
  if (await startWork(["administrator"])) await showAll();
}

/** Officers belong to a site, those who look people up to an area, the others to neither. */
function showPlace(): void {
  const { role = "" } = readValues(form);
  show(at("site-field"), role === "officer");
  show(at("area-field"), AREA_ROLES.includes(role));
}

async function showAll(): Promise<void> {
  try {
    const { accounts } = await call<{ accounts: Account[] }>("GET", "/accounts");
    at("rows").replaceChildren(...accounts.map(row));
  } catch (failure) {
    showFlaws([], troubleOf(failure));
  }
}

function row(account: Account): HTMLTableRowElement {
  const place = account.site_name ?? account.site ?? account.area_name ?? account.area ?? "";
  const actions = element("td", { class: "actions" });
  if (account.disabled) actions.append(element("span", { class: "state revoked" }, text("disabled")));
  else actions.append(passwordButton(account), disableButton(account));
  return element(
    "tr",
    {},
    element("th", { scope: "row" }, account.account),
    element("td", {}, account.name),
    element("td", {}, text(`role_${account.role}`)),
    element("td", {}, place),
    actions,
  );
}

// ---- changing ------------------------------------------------------------------------------------

async function add(): Promise<void> {
  const values = readValues(form);
  const { account = "", name = "", role = "", site = "", password = "" } = values;
  const place = role === "officer" ? { site } : AREA_ROLES.includes(role) ? { area: areaField.code } : {};
  const body = { account, name, role, ...place, password };
  const missing = Object.entries(body).filter(([, value]) => value.trim() === "");
  if (missing.length > 0) {
    return showFlaws(missing.map(([field]) => ({ field, code: "missing" })), text("flaws_lead"));
  }
  clearFlaws();
  try {
    await call("POST", "/accounts", { body, idempotencyKey: addKey });
  } catch (failure) {
    return refuse(failure);
  }
  addKey = newKey();
  form.reset();
  showPlace();
  tell(text("added", { account }));
  await showAll();
}

function refuse(failure: unknown): void {
  // Another try is another request, unless it is not known whether this one arrived.
  if (failure instanceof Problem) addKey = newKey();
  const flaws = failure instanceof Problem ? failure.flaws : [];
  const taken = failure instanceof Problem && failure.status === 409 && flaws.length === 0;
  showFlaws(flaws, taken ? text("account_taken") : flaws.length > 0 ? text("flaws_lead") : troubleOf(failure));
}

function passwordButton({ account }: Account): HTMLButtonElement {
  const button = element("button", { type: "button", class: "secondary" }, text("new_password"));
  button.addEventListener("click", () => {
    show(at("new-password-field"));
    ask(text("new_password_title", { account }), text("new_password"), async ({ password = "" }) => {
      await change(`/accounts/${encodeURIComponent(account)}/password`, { password });
      tell(text("password_changed", { account }));
    });
    at<HTMLInputElement>("new-password").value = inventPassword();
  });
  return button;
}

function disableButton({ account }: Account): HTMLButtonElement {
  const button = element("button", { type: "button", class: "danger" }, text("disable"));
  button.addEventListener("click", () => {
    show(at("new-password-field"), false);
    ask(text("disable_title", { account }), text("disable"), async () => {
      await change(`/accounts/${encodeURIComponent(account)}/disable`);
      tell(text("was_disabled", { account }));
      await showAll();
    });
  });
  return button;
}

async function change(path: string, body?: unknown): Promise<void> {
  try {
    await call("POST", path, { body, idempotencyKey: newKey() });
  } catch (failure) {
    const short = failure instanceof Problem && failure.status === 422;
    throw new Error(short ? text("flaw_password_form") : troubleOf(failure));
  }
}

function tell(words: string): void {
  say(at("done"), words);
  at("done").focus();
}

/** A password of letters and digits that are not mistaken for one another. */
function inventPassword(): string {
  const letters = "abcdefghjkmnpqrstuvwxyz23456789"; // 31: a byte below 248 picks each equally often
  const bytes = Array.from(crypto.getRandomValues(new Uint8Array(PASSWORD_CHARS * 4))).filter((byte) => byte < 248);
  return bytes.slice(0, PASSWORD_CHARS).map((byte) => letters[byte % letters.length]).join("");
}
