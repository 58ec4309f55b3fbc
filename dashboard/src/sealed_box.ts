/**
 * libsodium's `crypto_box_seal` from two small libraries: X25519, XSalsa20 and Poly1305 of tweetnacl, BLAKE2b of noble.
 *
 * libsodium itself is WebAssembly, which the dashboard's Content-Security-Policy does not allow. The box is an ephemeral
 * public key and the message, boxed under the nonce BLAKE2b-192(ephemeral public key, recipient's public key):
 * https://doc.libsodium.org/public-key_cryptography/sealed_boxes
 */
import { blake2b } from "@noble/hashes/blake2.js";
import nacl from "tweetnacl";
import type { Sodium } from "./sealing.ts";

const NONCE_BYTES = 24;

export const sealedBox: Sodium = {
  crypto_box_seal(message, publicKey) {
    const ephemeral = nacl.box.keyPair();
    const nonce = blake2b.create({ dkLen: NONCE_BYTES }).update(ephemeral.publicKey).update(publicKey).digest();
    const box = nacl.box(message, nonce, publicKey, ephemeral.secretKey);
    ephemeral.secretKey.fill(0);
    const sealed = new Uint8Array(ephemeral.publicKey.length + box.length);
    sealed.set(ephemeral.publicKey);
    sealed.set(box, ephemeral.publicKey.length);
    return sealed;
  },
};
