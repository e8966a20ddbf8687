// Reads QR codes with zxing, in a worker of the checkpoint page. The first message brings the program, each
// further one a picture; each is answered with the text that was found, or `null`.

import { prepareZXingModule, readBarcodes } from "zxing-wasm/reader";
import type { ReaderOptions } from "zxing-wasm/reader";

type Message = { program: ArrayBuffer } | { picture: ImageData };

const OPTIONS: ReaderOptions = {
  formats: ["QRCode"], maxNumberOfSymbols: 1, tryRotate: false, tryInvert: false, tryDownscale: true, tryHarder: true,
};

self.onmessage = ({ data }: MessageEvent<Message>) => {
  const answer = "program" in data ? prepare(data.program) : read(data.picture);
  // Thrown anew outside the promise, so that the page hears of it.
  answer.then((found) => self.postMessage(found), (reason: unknown) => setTimeout(() => { throw reason; }));
};

async function prepare(wasmBinary: ArrayBuffer): Promise<null> {
  await prepareZXingModule({ overrides: { wasmBinary }, fireImmediately: true });
  return null;
}

async function read(picture: ImageData): Promise<string | null> {
  const [found] = await readBarcodes(picture, OPTIONS);
  return found?.isValid ? found.text : null;
}
