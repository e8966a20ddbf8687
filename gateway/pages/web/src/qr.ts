// Draws a token as dark squares on white, with the quiet zone that readers need.

import { encode } from "uqr";

const QUIET_MODULES = 4;

/** Draws it into an `svg` with a `rect` and a `path`. */
export function drawQr(qr: HTMLElement, token: string): void {
  if (qr.dataset["token"] === token) return;
  const { data, size } = encode(token, { ecc: "M", border: QUIET_MODULES });
  const rows = data.map((row, y) => row.map((dark, x) => (dark ? `M${x},${y}h1v1h-1z` : "")).join(""));
  qr.setAttribute("viewBox", `0 0 ${size} ${size}`);
  qr.querySelector("path")?.setAttribute("d", rows.join(""));
  qr.dataset["token"] = token;
}
