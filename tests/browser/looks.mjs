// How a page looks: held against axe's rules, and photographed where screenshots are wanted.

import assert from "node:assert/strict";
import fs from "node:fs";
import { createRequire } from "node:module";
import path from "node:path";

const axe = fs.readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");
const folder = process.env.TRUYVET_SCREENSHOTS;

/** Fails where axe finds something serious, or where the page is wider than its window. */
export async function inspect(page, name) {
  await photograph(page, name);
  if (!(await page.page.evaluate(() => "axe" in window))) await page.page.evaluate(axe);
  const found = await page.page.evaluate(async () => {
    const { violations } = await axe.run(document, { resultTypes: ["violations"] });
    return violations
      .filter(({ impact }) => impact === "serious" || impact === "critical")
      .map(({ id, nodes }) => `${id}: ${nodes.map(({ html }) => html.slice(0, 200)).join(" | ")}`);
  });
  const excess = await page.page.evaluate(() => document.documentElement.scrollWidth - window.innerWidth);
  assert.deepEqual(found, [], `${name}, ${page.view.name}, ${page.language}`);
  assert.ok(excess <= 0, `${name}, ${page.view.name}, ${page.language} is ${excess} px too wide`);
}

/** Writes `NAME-VIEW-LANGUAGE.png` into the folder for screenshots. */
export async function photograph(page, name) {
  if (!folder) return;
  fs.mkdirSync(folder, { recursive: true });
  const file = [name, page.view.name, page.language, ...(page.isDark ? ["dark"] : [])].join("-");
  await page.page.screenshot({ path: path.join(folder, `${file}.png`), fullPage: true });
}
