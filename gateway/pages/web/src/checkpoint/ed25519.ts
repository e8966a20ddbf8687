// Ed25519 by the browser's own means where it has them, else in JavaScript.

import { getPublicKeyAsync, signAsync, utils, verifyAsync } from "@noble/ed25519";

import { toBase64 } from "./bytes";

type Bytes = Uint8Array<ArrayBuffer>;

/** A key that can sign: the browser's, which no script can read, or 32 bytes. */
export type SecretKey = { native: CryptoKey } | { seed: Bytes };

/** A new key, and its public half as base64. */
export async function newKey(): Promise<{ secret: SecretKey; publicKey: string }> {
  if (await isNative()) {
    const pair = (await crypto.subtle.generateKey(NAME, false, ["sign", "verify"])) as CryptoKeyPair;
    const raw = await crypto.subtle.exportKey("raw", pair.publicKey);
    return { secret: { native: pair.privateKey }, publicKey: toBase64(new Uint8Array(raw)) };
  }
  const seed = Uint8Array.from(utils.randomSecretKey());
  return { secret: { seed }, publicKey: toBase64(await getPublicKeyAsync(seed)) };
}

/** The 64 bytes of a signature. */
export async function sign(secret: SecretKey, message: Bytes): Promise<Bytes> {
  if ("native" in secret) return new Uint8Array(await crypto.subtle.sign(NAME, secret.native, message));
  return Uint8Array.from(await signAsync(message, secret.seed));
}

/** Whether `signature` is this key's over `message`; what is no key or no signature is never good. */
export async function verify(publicKey: Bytes, message: Bytes, signature: Bytes): Promise<boolean> {
  try {
    if (!(await isNative())) return await verifyAsync(signature, message, publicKey, { zip215: false });
    const key = await crypto.subtle.importKey("raw", publicKey, NAME, false, ["verify"]);
    return await crypto.subtle.verify(NAME, key, signature, message);
  } catch {
    return false;
  }
}

/** Whether the browser knows Ed25519; asked once. */
function isNative(): Promise<boolean> {
  native ??= crypto.subtle
    .generateKey(NAME, false, ["sign", "verify"])
    .then(() => true, () => false);
  return native;
}

let native: Promise<boolean> | undefined;
const NAME = { name: "Ed25519" };
