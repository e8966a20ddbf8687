// Pages that open without a network. One service worker serves them all: a page that calls `keepOffline`
// is kept on the device together with the files that it names or has loaded.

/** Keeps this page, and `others` that one goes to from here, for times without a network. */
export async function keepOffline(others: string[] = []): Promise<void> {
  if (!("serviceWorker" in navigator)) return;
  await navigator.serviceWorker.register("/service-worker.js");
  const ready = await navigator.serviceWorker.ready;
  const loaded = performance.getEntriesByType("resource").map((entry) => new URL(entry.name).pathname);
  const assets = loaded.filter((address) => address.startsWith("/assets/"));
  ready.active?.postMessage({ pages: [location.pathname + location.search, ...others], assets });
}
