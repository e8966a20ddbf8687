// Gives kept pages and assets when there is no network. The API is never kept here.

export {};
declare const self: ServiceWorkerGlobalScope;

const CACHE = "pages-1";
const KEPT_MAX = 100;
const ASSETS = "/assets/";
const ASSET_NAMES = /\/assets\/[\w.-]+/g;
const PATIENCE_MS = 3_000;

self.addEventListener("install", () => void self.skipWaiting());
self.addEventListener("activate", (event) => event.waitUntil(self.clients.claim()));

self.addEventListener("message", (event) => {
  const { pages = [], assets = [] } = event.data as { pages?: string[]; assets?: string[] };
  event.waitUntil(keep(pages, assets));
});

self.addEventListener("fetch", (event) => {
  const { method, mode, url } = event.request;
  const { origin, pathname } = new URL(url);
  if (method !== "GET" || origin !== self.location.origin) return;
  if (pathname.startsWith(ASSETS)) event.respondWith(assetOf(event.request));
  else if (mode === "navigate") event.respondWith(pageOf(event.request));
});

/** Keeps pages with the assets that they name, and assets that a page has loaded since. */
async function keep(pages: string[], assets: string[]): Promise<void> {
  const cache = await caches.open(CACHE);
  await makeRoom(cache);
  await keepAssets(cache, assets);
  await Promise.all(pages.map((page) => keepPage(cache, page)));
}

/** A page is replaced only when all that it names is kept. */
async function keepPage(cache: Cache, address: string): Promise<void> {
  const response = await fetch(address).catch(() => null);
  if (!response?.ok) return;
  const named = (await response.clone().text()).match(ASSET_NAMES) ?? [];
  if (await keepAssets(cache, named)) await cache.put(keyOf(address), response);
}

/** Whether all are kept now. An asset never changes under its name. */
async function keepAssets(cache: Cache, addresses: string[]): Promise<boolean> {
  const isKept = async (address: string) => {
    if (await cache.match(keyOf(address))) return true;
    const response = await fetch(address).catch(() => null);
    if (response?.ok) await cache.put(keyOf(address), response);
    return response?.ok === true;
  };
  return (await Promise.all([...new Set(addresses)].map(isKept))).every(Boolean);
}

/** Removes what was kept first, mostly assets of older versions; a page keeps what it needs again. */
async function makeRoom(cache: Cache): Promise<void> {
  const keys = await cache.keys();
  for (const key of keys.slice(0, Math.max(0, keys.length - KEPT_MAX))) await cache.delete(key);
}

/** Pages come from the network, so that a new version shows at once; the kept one is for want of it, or of
 * patience with it. */
async function pageOf(request: Request): Promise<Response> {
  const cache = await caches.open(CACHE);
  // In another language rather than not at all.
  const kept = (await cache.match(keyOf(request.url))) ?? (await cache.match(keyOf(request.url), { ignoreSearch: true }));
  if (!kept) return fetch(request);
  const late = new Promise<Response>((resolve) => setTimeout(() => resolve(kept), PATIENCE_MS));
  return Promise.race([fetch(request).catch(() => kept), late]);
}

/** An asset never changes under its name: the kept one is as good as the server's. */
async function assetOf(request: Request): Promise<Response> {
  const cache = await caches.open(CACHE);
  return (await cache.match(request.url)) ?? fetch(request);
}

/** All passes share one page, and only the language of an address matters. */
function keyOf(address: string): string {
  const url = new URL(address, self.location.origin);
  if (url.pathname.startsWith(ASSETS)) return url.href;
  const path = url.pathname.startsWith("/pass/") ? "/pass/" : url.pathname;
  return `${url.origin}${path}?lang=${url.searchParams.get("lang") ?? ""}`;
}
