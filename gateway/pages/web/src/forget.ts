// "Forget me on this device": what pages have kept, the session, the kept pages.

import type { Device } from "./device";
import { at, show } from "./dom";
import { isSignedOut } from "./shell";
import { forgetDrafts } from "./tab-draft";
import { language, text } from "./texts";

/** Lets the button do it, after it was asked whether one means it. */
export function startForget(device: Device): void {
  at("forget").addEventListener("click", () => {
    if (confirm(text("forget_sure"))) void forget(device);
  });
}

async function forget(device: Device): Promise<void> {
  device.forget();
  forgetDrafts();
  if ("caches" in window) for (const name of await caches.keys()) await caches.delete(name);
  // Nothing more of theirs is shown while the session is being ended.
  show(at("content"), false);
  if (await isSignedOut()) location.replace(`/?lang=${language}&forgotten=1`);
}
