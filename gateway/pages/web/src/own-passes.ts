// A citizen's own passes, brought up to date on the device.

import { call } from "./api";
import type { DeclarationListed } from "./contract";
import type { Device } from "./device";

const PAGE_ROWS = 20;

/** Asks for one page of declarations and keeps their passes; where the next begins, if there is one. */
export async function refreshPasses(device: Device, before?: string): Promise<string | undefined> {
  const parameters = new URLSearchParams({ limit: String(PAGE_ROWS), ...(before ? { before } : {}) });
  type Answer = { declarations: DeclarationListed[]; next?: string };
  const { declarations, next } = await call<Answer>("GET", `/declarations?${parameters}`);
  for (const listed of declarations) keep(device, listed);
  return next;
}

/** Asks for one pass by its number, and keeps it. */
export async function refreshPass(device: Device, pass: string): Promise<void> {
  keep(device, await call<DeclarationListed>("GET", `/passes/${encodeURIComponent(pass)}`));
}

function keep(device: Device, { pass, declaration, state, from, to, departs_at }: DeclarationListed): void {
  device.keepPass({ ...pass, declaration, state, from, to, departs_at });
}
