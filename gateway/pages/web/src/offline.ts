// Pages that open without a network. One service worker serves them all: a page that calls `keepOffline`
// is kept on the device together with the files it has loaded.

/** Keeps this page, as it now is at its address, for times without a network. */
export async function keepOffline(): Promise<void> {
  if (!("serviceWorker" in navigator)) return;
  await navigator.serviceWorker.register("/service-worker.js");
  const ready = await navigator.serviceWorker.ready;
  const files = [...document.querySelectorAll<HTMLElement>("script[src], link[href]")];
  const addresses = files.map((file) => file.getAttribute("src") ?? file.getAttribute("href") ?? "");
  const loaded = performance.getEntriesByType("resource").map((entry) => new URL(entry.name).pathname);
  const assets = [...addresses, ...loaded].filter((address) => address.startsWith("/assets/"));
  ready.active?.postMessage({ keep: [location.pathname + location.search, ...new Set(assets)] });
}
