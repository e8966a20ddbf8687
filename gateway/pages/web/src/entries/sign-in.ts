// The page /sign-in: officials.

import { call, Problem } from "../api";
import type { AccountSession, Role } from "../contract";
import { at } from "../dom";
import { readValues } from "../fields";
import { clearFlaw, clearFlaws, showFlaws } from "../flaws";
import { startShell } from "../shell";
import { language, text } from "../texts";

const form = at<HTMLFormElement>("form");
const password = at<HTMLInputElement>("password");

void startShell();
at<HTMLInputElement>("reveal").addEventListener("change", (event) => {
  password.type = (event.target as HTMLInputElement).checked ? "text" : "password";
});
form.addEventListener("input", (event) => {
  const field = (event.target as HTMLElement).closest<HTMLElement>(".field");
  if (field) clearFlaw(field);
});
form.addEventListener("submit", (event) => {
  event.preventDefault();
  void signIn();
});

async function signIn(): Promise<void> {
  const { account = "", password: secret = "" } = readValues(form);
  const missing = Object.entries({ account, password: secret }).filter(([, value]) => value === "");
  if (missing.length > 0) {
    return showFlaws(missing.map(([field]) => ({ field, code: "missing" })), text("flaws_lead"));
  }
  clearFlaws();
  const submit = at<HTMLButtonElement>("submit");
  submit.disabled = true;
  try {
    const me = await call<AccountSession>("POST", "/session", { body: { account: account.trim(), password: secret } });
    location.assign(`${nextOf(me.role)}?lang=${language}`);
  } catch (failure) {
    password.value = "";
    showFlaws([], trouble(failure));
  } finally {
    submit.disabled = false;
  }
}

function trouble(failure: unknown): string {
  if (!(failure instanceof Problem)) return text("unreachable");
  if (failure.status === 401) return text("wrong_credentials");
  const minutes = Math.max(1, Math.ceil((failure.retryAfterMs ?? 0) / 60_000));
  return failure.status === 429 ? text("too_many", { minutes }) : text("refused");
}

/** The page that sent here, if it is one of ours, else the one for this role. */
function nextOf(role: Role): string {
  const asked = new URLSearchParams(location.search).get("next") ?? "";
  return PAGES.includes(asked) ? asked : HOME[role];
}

const PAGES = [
  "/checkpoint", "/desk", "/paper", "/arrivals", "/ward", "/quarantine", "/accounts", "/hooks", "/trace", "/api/docs",
];
const HOME: Record<Role, string> = {
  officer: "/checkpoint",
  ward: "/ward",
  health: "/desk",
  epidemiologist: "/desk",
  operator: "/trace",
  administrator: "/accounts",
};
