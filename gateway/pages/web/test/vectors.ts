// The test vectors on the pages of schemas/. TRUYVET_SCHEMAS names the folder where this is a copy elsewhere.

import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";

/** The text of a page of schemas/. */
export function page(name: string): string {
  const folders = [process.env["TRUYVET_SCHEMAS"], "../../../schemas"].filter((folder) => folder !== undefined);
  const found = folders.map((folder) => join(folder, name)).find((path) => existsSync(path));
  if (!found) throw new Error(`${name} is in none of ${folders.join(", ")}; set TRUYVET_SCHEMAS`);
  return readFileSync(found, "utf8");
}

/** What stands in the block with this heading. */
export function vector(page: string, heading: string): string {
  const parts = page.split(`\n\`\`\`${heading}\n`);
  const block = parts[1]?.split("\n```")[0];
  if (block === undefined) throw new Error(`no block ${heading}`);
  return block;
}

/** The bytes of hexadecimal digits, line ends between them. */
export function bytesOfHex(hex: string): Uint8Array<ArrayBuffer> {
  const digits = hex.replace(/\s/g, "");
  return Uint8Array.from({ length: digits.length / 2 }, (_, i) => parseInt(digits.slice(2 * i, 2 * i + 2), 16));
}
