// A browser for a test: its views, its pages, and what no page may do.

import assert from "node:assert/strict";
import fs from "node:fs";
import os from "node:os";
import path from "node:path";

import puppeteer from "puppeteer-core";

import { until } from "./server.mjs";

const program = process.env.CHROMIUM ?? onPath("chromium");
const MOBILE = "Mozilla/5.0 (Linux; Android 8.1.0; SM-J730G) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/138.0.0.0 Mobile Safari/537.36";

export const PHONE = { name: "phone", width: 360, height: 740, deviceScaleFactor: 2, isMobile: true, hasTouch: true };
export const DESK = { name: "desk", width: 1280, height: 800 };

/**
 * Chromium with a profile of its own. `video`: the file that its camera shows; `rules`: which addresses it
 * reaches, and where.
 */
export class Browser {
  #pages = [];

  static async start({ video, rules = ON_THIS_MACHINE, profile = newProfile() } = {}) {
    const browser = new Browser();
    browser.profile = profile;
    const camera = video === undefined ? [] : [`--use-file-for-fake-video-capture=${video}`];
    browser.chromium = await puppeteer.launch({
      executablePath: program,
      userDataDir: profile,
      args: [...FLAGS, `--host-resolver-rules=${rules}`, ...camera],
      protocolTimeout: 60_000,
    });
    running.add(browser);
    browser.chromium.on("targetcreated", (target) => void browser.#watchWorker(target));
    return browser;
  }

  /**
   * A page in a session of its own, or in the profile's where `shared`. `client`: whose session it has;
   * `expects`: statuses of answers that the page is meant to meet, "offline" where it is to lose its network.
   */
  async open(server, { view = PHONE, language = "vi", shared = false, client, expects = [] } = {}) {
    const context = shared ? this.chromium.defaultBrowserContext() : await this.chromium.createBrowserContext();
    if (client) await context.setCookie(client.cookie);
    const page = await context.newPage();
    await page.setViewport(view);
    if (view.isMobile) await page.setUserAgent({ userAgent: MOBILE });
    const opened = new Page(page, server, view, language, expects);
    this.#pages.push(opened);
    return opened;
  }

  /** Ends the browser as a phone that is switched off would. */
  async kill() {
    const child = this.chromium.process();
    const end = new Promise((resolve) => child.once("exit", resolve));
    child.kill("SIGKILL");
    await end;
    for (const lock of ["SingletonLock", "SingletonCookie", "SingletonSocket"]) {
      fs.rmSync(path.join(this.profile, lock), { force: true });
    }
    running.delete(this);
  }

  /** Ends the browser; fails where a page did what none may. */
  async stop() {
    await this.chromium.close();
    this.remove();
    assert.deepEqual(this.#pages.flatMap((page) => page.flaws), []);
  }

  remove() {
    this.chromium.process()?.kill("SIGKILL");
    fs.rmSync(this.profile, { recursive: true, force: true, maxRetries: 5 });
    running.delete(this);
  }

  /** What a service worker asks for is seen by no page. */
  async #watchWorker(target) {
    if (target.type() !== "service_worker") return;
    const session = await target.createCDPSession().catch(() => null);
    session?.on("Network.requestWillBeSent", ({ request }) => this.#pages[0]?.asked(request.url));
    await session?.send("Network.enable").catch(() => undefined);
  }
}

/** A page, the hand that uses it, and the flaws that were seen on it. */
export class Page {
  /** What no page may do, in words. */
  flaws = [];
  scheme = "light";
  presses = 0;
  keys = 0;

  constructor(page, server, view, language, expects) {
    Object.assign(this, { page, server, view, language });
    page.on("request", (request) => this.asked(request.url()));
    page.on("pageerror", (error) => this.flaws.push(`${page.url()}: ${error.message}`));
    page.on("console", (message) => {
      const text = message.text();
      const address = message.location().url ?? "";
      const isAnswer = ORDINARY.some(([status, end]) => text.includes(`status of ${status}`) && address.endsWith(end));
      const isExpected = expects.some((what) => text.includes(what === "offline" ? "net::ERR_" : `status of ${what}`));
      if (message.type() === "error" && !isAnswer && !isExpected) this.flaws.push(`${page.url()}: ${text}`);
    });
    page.on("dialog", (dialog) => {
      if (dialog.type() === "alert") this.flaws.push(`${page.url()}: an alert, "${dialog.message()}"`);
      void dialog.accept();
    });
  }

  asked(url) {
    const { protocol, origin } = new URL(url);
    const isOwn = origin === new URL(this.server.url).origin || ["data:", "blob:", "chrome:", "about:"].includes(protocol);
    if (!isOwn) this.flaws.push(`${this.page.url()}: asks ${url}`);
  }

  /** Goes to an address of the server, in the page's language. */
  go(address, waitUntil = "load") {
    const url = new URL(address, this.server.url);
    url.searchParams.set("lang", this.language);
    return this.page.goto(url.href, { waitUntil });
  }

  /** Presses what `selector` finds first, once it is seen. */
  async press(selector) {
    this.presses += 1;
    const pressed = async () => {
      const target = await this.see(selector);
      // A list may be made anew under the finger.
      const isThere = await (this.view.hasTouch ? target.tap() : target.click()).then(() => true, isDetached);
      await target.dispose();
      return isThere;
    };
    await until(pressed, `${selector} can be pressed`, PATIENCE_MS);
  }

  /** Presses a field and types into it. */
  async type(selector, text) {
    await this.press(selector);
    await this.page.keyboard.type(text);
    this.keys += text.length;
  }

  /** Chooses one of several by its value. */
  choose(name, value) {
    return this.press(`label:has(input[name="${name}"][value="${value}"])`);
  }

  /** Waits until `selector` finds something that is seen. */
  see(selector) {
    return this.page.waitForSelector(selector, { visible: true, timeout: PATIENCE_MS });
  }

  /** Waits until the text of `selector` is, or holds, `words`. */
  async read(selector, words) {
    const holds = (what, sought) => {
      const found = document.querySelector(what);
      return found !== null && found.checkVisibility() && found.textContent.includes(sought);
    };
    await this.page.waitForFunction(holds, { timeout: PATIENCE_MS, polling: 50 }, selector, words).catch(async () => {
      assert.fail(`${selector} does not say "${words}" but "${await this.text(selector)}"`);
    });
  }

  /** The text of what `selector` finds, "" where that is not seen. */
  text(selector) {
    const seen = (found) => (found[0]?.checkVisibility() ? found[0].textContent.trim() : "");
    return this.page.$$eval(selector, seen);
  }

  /** "light" or "dark". */
  async prefer(scheme) {
    this.scheme = scheme;
    await this.page.emulateMediaFeatures([{ name: "prefers-color-scheme", value: scheme }]);
  }

  /** The text `name` of those that the page's script has, with `{places}` filled in. */
  words(name, places = {}) {
    return this.page.$eval("#texts", (texts, wanted, filling) => {
      const text = JSON.parse(texts.textContent)[wanted];
      if (text === undefined) throw new Error(`the page has no text "${wanted}"`);
      return text.replace(/\{(\w+)\}/g, (place, key) => filling[key] ?? place);
    }, name, places);
  }

  /** Waits until the text of `selector` holds the page's text `name`. */
  async says(selector, name, places) {
    await this.read(selector, await this.words(name, places));
  }

  /** What the API answers to the page's session. */
  ask(path) {
    return this.page.evaluate(async (address) => (await fetch(address)).json(), `/api/v1${path}`);
  }

  /** From now on, until it is loaded anew, the page gets no answer to what it posts there, though it arrives. */
  losesAnswers(path) {
    return this.page.evaluate((address) => {
      const real = globalThis.fetch;
      globalThis.fetch = async (url, options) => {
        const answer = await real(url, options);
        if (options?.method === "POST" && String(url) === address) throw new TypeError("the answer was lost");
        return answer;
      };
    }, `/api/v1${path}`);
  }

  /** From now on, until it is loaded anew, what the page asks there is answered so much later; `asked` counts it. */
  delaysAnswers(path, ms) {
    return this.page.evaluate((start, delay) => {
      const real = globalThis.fetch;
      globalThis.asked = 0;
      globalThis.fetch = async (url, options) => {
        const answer = await real(url, options);
        if (!String(url).includes(start)) return answer;
        globalThis.asked += 1;
        await new Promise((wake) => setTimeout(wake, delay));
        return answer;
      };
    }, `/api/v1${path}`, ms);
  }

  close() {
    return this.page.close();
  }
}

const PATIENCE_MS = 30_000;
/** Answers that say no and are no failure: nobody is signed in, nothing was declared. */
const ORDINARY = [[401, "/api/v1/session"], [404, "/api/v1/declarations/last"]];
const FLAGS = [
  ...(process.getuid?.() === 0 ? ["--no-sandbox"] : []),
  "--disable-dev-shm-usage",
  "--no-first-run",
  "--use-fake-ui-for-media-stream",
  "--use-fake-device-for-media-stream",
];
/** Nothing outside this machine can be reached. */
const ON_THIS_MACHINE = "MAP * ~NOTFOUND, EXCLUDE 127.0.0.1";

function newProfile() {
  return fs.mkdtempSync(path.join(os.tmpdir(), "truyvet-chromium-"));
}

function isDetached(failure) {
  if (/detached|not clickable/.test(failure.message)) return false;
  throw failure;
}

function onPath(name) {
  const found = (process.env.PATH ?? "").split(path.delimiter).map((folder) => path.join(folder, name));
  return found.find((file) => fs.existsSync(file)) ?? name;
}

const running = new Set();
process.on("exit", () => running.forEach((browser) => browser.remove()));
