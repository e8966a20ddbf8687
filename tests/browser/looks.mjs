// How a page looks: held against axe's rules, and photographed where screenshots are wanted.

import assert from "node:assert/strict";
import fs from "node:fs";
import { createRequire } from "node:module";
import path from "node:path";

const axe = fs.readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");
const folder = process.env.TRUYVET_SCREENSHOTS;

/** Fails where axe finds something serious in light or dark, or where the page is wider than its window. */
export async function inspect(page, name) {
  if (!(await page.page.evaluate(() => "axe" in window))) await page.page.evaluate(axe);
  for (const scheme of ["dark", "light"]) {
    await page.prefer(scheme);
    await photograph(page, name);
    assert.deepEqual(await violations(page), [], `${name}, ${page.view.name}, ${page.language}, ${scheme}`);
  }
  const excess = await page.page.evaluate(() => document.documentElement.scrollWidth - window.innerWidth);
  assert.ok(excess <= 0, `${name}, ${page.view.name}, ${page.language} is ${excess} px too wide`);
}

/** What axe finds serious or critical, in words. */
function violations(page) {
  return page.page.evaluate(async () => {
    const found = await axe.run(document, { resultTypes: ["violations"] });
    return found.violations
      .filter(({ impact }) => impact === "serious" || impact === "critical")
      .map(({ id, nodes }) => `${id}: ${nodes.map(({ html }) => html.slice(0, 200)).join(" | ")}`);
  });
}

/** Writes `NAME-VIEW-LANGUAGE.png`, in dark with `-dark`, into the folder for screenshots. */
export async function photograph(page, name) {
  if (!folder) return;
  fs.mkdirSync(folder, { recursive: true });
  const file = [name, page.view.name, page.language, ...(page.scheme === "dark" ? ["dark"] : [])].join("-");
  await page.page.screenshot({ path: path.join(folder, `${file}.png`), fullPage: true });
}
