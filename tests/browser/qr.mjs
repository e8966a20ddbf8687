// QR codes as others see them: read by zbar, and held before a camera.

import { execFile } from "node:child_process";
import fs from "node:fs";
import { promisify } from "node:util";

import { PNG } from "pngjs";

const run = promisify(execFile);
const WIDTH = 640;
const HEIGHT = 480;

/** What zbar reads in a picture. */
export async function decoded(file) {
  const { stdout } = await run("zbarimg", ["--quiet", "--raw", file]);
  return stdout.trim();
}

/**
 * Writes a film for Chromium's camera: `before` frames of an empty road, then `shown` frames of the picture,
 * somewhat turned and in poor light; 30 frames a second, in a loop.
 */
export function film(file, png, { before = 0, shown = 30, degrees = 7, pixels = 300 } = {}) {
  const picture = PNG.sync.read(png);
  const empty = frame(() => undefined);
  const full = frame(sampler(picture, degrees, pixels));
  const colours = Buffer.alloc((WIDTH * HEIGHT) / 2, 128);
  const out = fs.openSync(file, "w");
  fs.writeSync(out, `YUV4MPEG2 W${WIDTH} H${HEIGHT} F30:1 Ip A1:1 C420jpeg\n`);
  for (let i = 0; i < before + shown; i++) {
    for (const part of ["FRAME\n", i < before ? empty : full, colours]) fs.writeSync(out, part);
  }
  fs.closeSync(out);
}

/** Brightness of each pixel, with a dusk that grows to the right and a coarse camera's noise. */
function frame(sample) {
  const light = Buffer.alloc(WIDTH * HEIGHT);
  let random = 1;
  for (let y = 0; y < HEIGHT; y++) {
    for (let x = 0; x < WIDTH; x++) {
      random = (random * 1_103_515_245 + 12_345) & 0x7fffffff;
      const noise = ((random >> 16) & 15) - 8;
      const shade = sample(x, y) ?? 70;
      light[y * WIDTH + x] = Math.max(16, Math.min(235, shade * (1 - (0.3 * x) / WIDTH) + noise));
    }
  }
  return light;
}

/** What of the turned picture is seen at a pixel, as the mean of four points; `undefined` beside it. */
function sampler(picture, degrees, pixels) {
  const [sin, cos] = [Math.sin((degrees * Math.PI) / 180), Math.cos((degrees * Math.PI) / 180)];
  const scale = picture.width / pixels;
  const point = (x, y) => {
    const [dx, dy] = [x - WIDTH / 2, y - HEIGHT / 2];
    const [u, v] = [dx * cos + dy * sin, dy * cos - dx * sin].map((d) => Math.floor(d * scale + picture.width / 2));
    const isInside = u >= 0 && v >= 0 && u < picture.width && v < picture.height;
    return isInside ? 45 + (picture.data[(v * picture.width + u) * 4] / 255) * 160 : undefined;
  };
  return (x, y) => {
    const points = [0.25, 0.75].flatMap((dy) => [0.25, 0.75].map((dx) => point(x + dx, y + dy)));
    return points.includes(undefined) ? points[0] : points.reduce((sum, one) => sum + one) / 4;
  };
}
