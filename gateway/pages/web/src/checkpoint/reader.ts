// Finds the QR code in a picture: with the browser's own detector where it has one for QR codes, else with
// zxing as WebAssembly, which the server gives, in a worker.

import wasm from "zxing-wasm/reader/zxing_reader.wasm";

/** Reads one picture at a time. */
export interface QrReader {
  /** The text of a code in the picture; `null` where none is seen. Takes the picture's memory. */
  read(picture: ImageData): Promise<string | null>;
}

/** What the browser's detector looks like. */
interface Detector {
  detect(picture: ImageData): Promise<{ rawValue: string }[]>;
}
interface DetectorKind {
  new (options: { formats: string[] }): Detector;
  getSupportedFormats(): Promise<string[]>;
}

/** A reader; `workerAddress` is that of the script entries/qr-reader.ts. */
export async function newReader(workerAddress: string): Promise<QrReader> {
  return (await nativeReader()) ?? (await workerReader(workerAddress));
}

async function nativeReader(): Promise<QrReader | null> {
  const kind = (globalThis as { BarcodeDetector?: DetectorKind }).BarcodeDetector;
  const formats = (await kind?.getSupportedFormats().catch(() => [])) ?? [];
  if (!kind || !formats.includes("qr_code")) return null;
  const detector = new kind({ formats: ["qr_code"] });
  return { read: async (picture) => (await detector.detect(picture))[0]?.rawValue ?? null };
}

async function workerReader(address: string): Promise<QrReader> {
  const response = await fetch(wasm);
  const program = await response.arrayBuffer();
  const worker = new Worker(address, { type: "module" });
  const ask = (message: unknown, memory: ArrayBuffer): Promise<string | null> =>
    new Promise((resolve, reject) => {
      worker.onmessage = ({ data }: MessageEvent<string | null>) => resolve(data);
      worker.onerror = () => reject(new Error("the reader of QR codes has stopped"));
      worker.postMessage(message, [memory]);
    });
  await ask({ program }, program);
  return { read: (picture) => ask({ picture }, picture.data.buffer as ArrayBuffer) };
}
