// What a test plays on: a server and a browser, made before the tests of a file and gone after them.

import { after, before } from "node:test";

import { Browser } from "./chromium.mjs";
import { Server } from "./server.mjs";

/** Filled in before the first test. `settings` and `web`: of the server; `prepare` is called with what was made. */
export function stage({ settings, web, prepare = async () => undefined } = {}) {
  const made = { server: null, browser: null };
  before(async () => {
    made.server = await Server.start(settings, web);
    made.browser = await Browser.start();
    await prepare(made);
  });
  after(async () => {
    try {
      await made.browser?.stop();
    } finally {
      await made.server?.stop();
    }
  });
  return made;
}
