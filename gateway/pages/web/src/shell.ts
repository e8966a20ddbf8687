// What all pages share: who is signed in, signing out, and links to the same page in the other language.

import { call, whoAmI } from "./api";
import type { Me } from "./contract";
import { at, show } from "./dom";
import { forgetDrafts } from "./tab-draft";
import { text } from "./texts";

/** Shows who is signed in; `null` when nobody is, or when that cannot be asked now. */
export async function startShell(): Promise<Me | null> {
  keepAddressInLanguageLinks();
  at("sign-out").addEventListener("click", signOut);
  const me = await whoAmI().catch(() => null);
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
  await call("DELETE", "/session").catch(() => undefined);
  location.assign(`/?lang=${document.documentElement.lang}`);
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
