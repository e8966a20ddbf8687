// Gives kept pages and assets when there is no network. The API is never kept here.

export {};
declare const self: ServiceWorkerGlobalScope;

const CACHE = "pages-1";
const KEPT_MAX = 100;
const ASSETS = "/assets/";
const PATIENCE_MS = 3_000;

self.addEventListener("install", () => void self.skipWaiting());
self.addEventListener("activate", (event) => event.waitUntil(self.clients.claim()));

self.addEventListener("message", (event) => {
  const addresses = (event.data as { keep?: string[] }).keep ?? [];
  event.waitUntil(keep(addresses));
});

self.addEventListener("fetch", (event) => {
  const { method, mode, url } = event.request;
  const { origin, pathname } = new URL(url);
  if (method !== "GET" || origin !== self.location.origin) return;
  if (pathname.startsWith(ASSETS)) event.respondWith(assetOf(event.request));
  else if (mode === "navigate") event.respondWith(pageOf(event.request));
});

/** Keeps assets, then pages: a page is replaced only when all that it loads is kept. */
async function keep(addresses: string[]): Promise<void> {
  const cache = await caches.open(CACHE);
  await makeRoom(cache);
  const isAsset = (address: string) => address.startsWith(ASSETS);
  const assets = await Promise.all(addresses.filter(isAsset).map((address) => keepOne(cache, address)));
  if (assets.every((isKept) => isKept)) {
    await Promise.all(addresses.filter((address) => !isAsset(address)).map((address) => keepOne(cache, address)));
  }
}

/** Whether it is kept now. An asset never changes under its name. */
async function keepOne(cache: Cache, address: string): Promise<boolean> {
  const key = keyOf(address);
  if (address.startsWith(ASSETS) && (await cache.match(key))) return true;
  const response = await fetch(address).catch(() => null);
  if (!response?.ok) return false;
  await cache.put(key, response);
  return true;
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
