// Tells a scanner that types like a keyboard from a person who types: it is far faster, and ends with Enter.

/** What is to be done with a key. */
export interface Wedged {
  /** What the scanner has read, at its last key. */
  text: string | null;
  /** Whether the key is the scanner's, and must do nothing else: Enter would press the focused button. */
  isScanners: boolean;
}

/** Collects the keys of a scanner, wherever the focus is. */
export class WedgeScanner {
  private text = "";
  private lastAt = -Infinity;

  /**
   * A key went down: `key` as in `KeyboardEvent.key`, `at` in milliseconds; `isTyping` when it goes into
   * a field, where it is the officer's.
   */
  key(key: string, at: number, isTyping: boolean): Wedged {
    const isFast = at - this.lastAt <= KEY_GAP_MS;
    if (isTyping) return this.forget();
    if (MODIFIERS.includes(key)) return { text: null, isScanners: false };
    if (key === "Enter" || key === "Tab") return this.end(isFast);
    if ([...key].length !== 1) return this.forget();
    this.text = isFast && this.text.length < CHARACTERS_MAX ? this.text + key : key;
    this.lastAt = at;
    return { text: null, isScanners: this.text.length > 1 };
  }

  private end(isFast: boolean): Wedged {
    const text = this.text;
    this.forget();
    const isScan = isFast && text.length >= CHARACTERS_MIN;
    return { text: isScan ? text : null, isScanners: isScan };
  }

  private forget(): Wedged {
    this.text = "";
    this.lastAt = -Infinity;
    return { text: null, isScanners: false };
  }
}

/** Scanners leave 1 to 30 ms between keys, the fastest typists 60 and more. */
const KEY_GAP_MS = 50;
/** A pass number has 14; shorter texts may be a hand that slipped over the keys. */
const CHARACTERS_MIN = 6;
const CHARACTERS_MAX = 1024;
const MODIFIERS = ["Shift", "CapsLock", "Alt", "AltGraph", "Control", "Meta"];
