// Work that is done by pressing something, and once however often that is pressed.

/** `work`, but left out while it is being done. */
export function singly<Given extends unknown[]>(work: (...given: Given) => Promise<void>): (...given: Given) => Promise<void> {
  let isBusy = false;
  return async (...given) => {
    if (isBusy) return;
    isBusy = true;
    try {
      await work(...given);
    } finally {
      isBusy = false;
    }
  };
}
