// The hand of an officer on the page /checkpoint.

import { PASSWORD } from "./server.mjs";

/** Signs in, and waits until the checkpoint has its lists. */
export async function openCheckpoint(page, account = "officer") {
  await page.go("/sign-in");
  await page.type("#account", account);
  await page.type("#password", PASSWORD);
  await page.press("#submit");
  await isReady(page);
}

/** The checkpoint is open, with the name of its site and fresh lists. */
export async function isReady(page) {
  await page.see("#site");
  await page.page.waitForFunction(
    () => document.getElementById("lists")?.dataset.tone === "good",
    { timeout: 30_000, polling: 50 },
  );
}

/** Types as a hand scanner does: a key each 5 ms, wherever the focus is, with Enter at the end. */
export function scan(page, text) {
  return page.page.evaluate((keys) => {
    const begun = performance.now();
    for (const [index, key] of keys.entries()) {
      const event = new KeyboardEvent("keydown", { key, bubbles: true, cancelable: true });
      Object.defineProperty(event, "timeStamp", { value: begun + 5 * index });
      (document.activeElement ?? document.body).dispatchEvent(event);
    }
  }, [...text, "Enter"]);
}

/** Types a number by hand. */
export async function enter(page, text) {
  await page.press("#type");
  await page.type("#typed", text);
  await page.press("#typing [type=submit]");
}

/** Waits for the verdict, by its name in the texts. */
export function isVerdict(page, name) {
  return page.says("#word", `verdict_${name}`);
}

/** The verdict by sign and colour: the one sign that is seen, and the head's background as [red, green, blue]. */
export function signAndColour(page) {
  return page.page.evaluate(() => {
    const signs = [...document.querySelectorAll("#verdict-head .sign")].filter((sign) => sign.checkVisibility());
    const colour = getComputedStyle(document.getElementById("verdict-head")).backgroundColor;
    return { signs: signs.map((sign) => sign.classList[1]), colour: colour.match(/\d+/g).slice(0, 3).map(Number) };
  });
}

/** Decides with the button `id`: "pass", "refuse" or "correct"; presses again where it asks. */
export async function decide(page, id) {
  await page.press(`#${id}`);
  if (await page.page.$eval(`#${id}`, (button) => button.checkVisibility() && button.classList.contains("armed"))) {
    await page.press(`#${id}`);
  }
  await page.see("#scanning");
}

/** Nothing waits to be sent any more. */
export function isAllSent(page) {
  return page.says("#waiting", "waiting_none");
}

export function isWaiting(page, count) {
  return page.says("#waiting", "waiting", { count });
}
