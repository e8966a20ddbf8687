// The page /api/docs: every operation of the API, to be read, found and tried out.

import { call } from "../api";
import { groupsOf, isNamed, type Group, type OpenApi, type Operation } from "../docs/openapi";
import { operationView } from "../docs/operation";
import { at, element, say, show } from "../dom";
import { startShell } from "../shell";
import { hasText, text } from "../texts";

interface Listed {
  operation: Operation;
  view: HTMLDetailsElement;
}

const filter = at<HTMLInputElement>("filter");

void startShell();
void start();

async function start(): Promise<void> {
  const api = await call<OpenApi>("GET", "/openapi.json").catch(() => null);
  if (!api) return say(at("flaws"), text("unreachable"));
  const groups = groupsOf(api).map((group) => showGroup(group, api));
  filter.addEventListener("input", () => applyFilter(groups));
  applyFilter(groups);
  at("operations").addEventListener("toggle", keepAddress, true);
  addEventListener("hashchange", openNamed);
  openNamed();
}

interface GroupShown {
  section: HTMLElement;
  listed: Listed[];
}

function showGroup({ tag, description, operations }: Group, api: OpenApi): GroupShown {
  const listed = operations.map((operation) => ({ operation, view: operationView(operation, api) }));
  const words = hasText(`tag_${tag}`) ? text(`tag_${tag}`) : description;
  const heading = element("h2", { id: `tag-${tag}` }, words);
  const section = element("section", { "aria-labelledby": heading.id }, heading, ...listed.map(({ view }) => view));
  at("operations").append(section);
  return { section, listed };
}

function applyFilter(groups: GroupShown[]): void {
  for (const { section, listed } of groups) {
    for (const { operation, view } of listed) show(view, isNamed(operation, filter.value));
    show(section, listed.some(({ view }) => !view.hidden));
  }
  const all = groups.flatMap(({ listed }) => listed);
  const shown = all.filter(({ view }) => !view.hidden).length;
  say(at("shown"), text("n_shown", { shown, all: all.length }));
}

// ---- the address leads to an operation -----------------------------------------------------------

function keepAddress(event: Event): void {
  const view = event.target as HTMLDetailsElement;
  if (view.open && view.id) history.replaceState(null, "", `#${view.id}`);
}

function openNamed(): void {
  const view = document.getElementById(location.hash.slice(1));
  if (!(view instanceof HTMLDetailsElement)) return;
  view.open = true;
  view.scrollIntoView();
}
