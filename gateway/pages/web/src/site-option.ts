// A site to be chosen from a list.

import { element } from "./dom";

/** Its name, and where it lies. */
export function siteOption({ site, name, area }: { site: string; name: string; area: string }): HTMLOptionElement {
  return element("option", { value: site }, [name, area].filter(Boolean).join(" · "));
}
