// What all pages share: who is signed in, signing out, and links to the same page in the other language.

import { whoAmI } from "./api";
import type { Me } from "./contract";
import { at, say, show } from "./dom";
import { endSession, knownSession } from "./session";
import { forgetDrafts } from "./tab-draft";
import { text } from "./texts";

/** Shows who is signed in; `null` when nobody is, or when that cannot be asked now. */
export async function startShell(): Promise<Me | null> {
  return startWith(whoAmI);
}

/**
 * The same for a page that is nothing without a session: asked until the server has answered, which is said
 * meanwhile. Whoever has no network is signed in all the same.
 */
export async function startSession(): Promise<Me | null> {
  const me = await startWith(() => knownSession({ onWaiting: () => say(at("shell-told"), text("session_unknown")) }));
  say(at("shell-told"), "");
  return me;
}

async function startWith(ask: () => Promise<Me | null>): Promise<Me | null> {
  keepAddressInLanguageLinks();
  at("sign-out").addEventListener("click", () => void signOut());
  const me = await ask().catch(() => null);
  showWho(me);
  return me;
}

/** Says in the header who is signed in. */
export function showWho(me: Me | null): void {
  const name = me === null || me.kind === "local" ? "" : nameOf(me);
  at("who-name").textContent = name;
  show(at("who"), name !== "");
}

function nameOf(me: Exclude<Me, { kind: "local" }>): string {
  if (me.kind === "citizen") return text("signed_in_document", { last4: me.document_last4 });
  return [me.name, me.site_name ?? me.area_name].filter(Boolean).join(" · ");
}

/** Takes away what those alone can use whose work it is, or shows it. */
export function showWork(isTheirs: boolean): void {
  for (const part of document.querySelectorAll<HTMLElement>("[data-work]")) show(part, isTheirs);
}

async function signOut(): Promise<void> {
  forgetDrafts();
  if (await isSignedOut()) location.assign(`/?lang=${document.documentElement.lang}`);
}

/** Ends the session, and says so as long as it has not ended: whoever sits down here next would go on in it. */
export async function isSignedOut(): Promise<boolean> {
  const button = at<HTMLButtonElement>("sign-out");
  const tell = (name: string): void => say(at("shell-told"), text(name));
  button.disabled = true;
  try {
    await endSession({ onWaiting: () => tell("not_signed_out_yet") });
    return true;
  } catch {
    tell("not_signed_out");
    return false;
  } finally {
    button.disabled = false;
  }
}

function keepAddressInLanguageLinks(): void {
  for (const link of document.querySelectorAll<HTMLAnchorElement>(".languages a")) {
    const query = new URLSearchParams(location.search);
    query.set("lang", link.lang);
    link.search = query.toString();
    // What a poster says stands behind it.
    link.hash = location.hash;
  }
}
