// Pages that are the work of officials.

import type { AccountSession } from "./contract";
import { at, show } from "./dom";
import { showFlaws } from "./flaws";
import { showWork, startSession } from "./shell";
import { text } from "./texts";

/** Starts a page for officials of these roles. `null` where it is for others: they are told so, or asked to sign in. */
export async function startWork(roles: string[]): Promise<AccountSession | null> {
  const me = await startSession();
  const account = me?.kind === "account" ? me : null;
  const isTheirs = account !== null && roles.includes(account.role);
  show(at("gate"), account === null);
  showWork(isTheirs);
  if (account !== null && !isTheirs) showFlaws([], text("not_allowed"));
  return isTheirs ? account : null;
}
