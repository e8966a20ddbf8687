// Which part of the camera's picture is read, and how large.

/** A rectangle in pixels of the picture. */
export interface Area {
  x: number;
  y: number;
  width: number;
  height: number;
}

/** Width and height. */
export interface Size {
  width: number;
  height: number;
}

/**
 * The part of a `picture` to read that is shown in a `box`, filling it (`object-fit: cover`): a square
 * around the aim in the box's middle, or all that the officer sees when the code is not in the aim.
 */
export function partToRead(picture: Size, box: Size, isWhole: boolean): Area {
  const scale = Math.max(box.width / picture.width, box.height / picture.height);
  const seen = { width: box.width / scale, height: box.height / scale };
  const side = Math.min(seen.width, seen.height) * AIM_SHARE;
  const part = isWhole ? seen : { width: side, height: side };
  return {
    x: Math.round((picture.width - part.width) / 2),
    y: Math.round((picture.height - part.height) / 2),
    width: Math.round(part.width),
    height: Math.round(part.height),
  };
}

/** The size that a part is read in: never larger than it is, and no longer than `longest`. */
export function sizeToRead(part: Size, longest: number): Size {
  const scale = Math.min(1, longest / Math.max(part.width, part.height));
  return { width: Math.round(part.width * scale), height: Math.round(part.height * scale) };
}

/** The aim's frame covers 72 % of the shorter side (checkpoint.css); around it is some room. */
const AIM_SHARE = 0.9;
