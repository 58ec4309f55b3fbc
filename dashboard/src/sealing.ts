/**
 * Seals a broker credential in the browser, for the one function that may open it.
 *
 * `functions/brokers/sealing.py` makes the same text, byte for byte, and checks it on opening. The sodium library is
 * handed in, so that it is loaded only when a person enters a credential:
 *
 *     const { sealedBox } = await import("./sealed_box");
 *     const sealed = await seal(sealedBox, credential, key);
 */

export type Purpose = "trading" | "data";
export type Environment = "paper" | "live";
export type BrokerName = "alpaca" | "tastytrade";

/** Whose credential it is and what for: sealed in, and compared on opening. Ids are the ledger's. */
export interface Binding {
  readonly user: string;
  readonly account: string;
  readonly broker: BrokerName;
  readonly environment: Environment;
  readonly purpose: Purpose;
}

export interface Credential extends Binding {
  readonly fields: Readonly<Record<string, string>>;
  readonly sealedAt: Date;
}

/** A row of `public.sealing_keys`. */
export interface SealingKey {
  readonly id: string;
  readonly purpose: Purpose;
  readonly public_key: string;
}

/** What is needed of libsodium. */
export interface Sodium {
  crypto_box_seal(message: Uint8Array, publicKey: Uint8Array): Uint8Array;
}

/** Why a credential was not sealed; never holds a part of it. */
export class BadCredential extends Error {
  readonly code: "BAD_CREDENTIAL" | "WRONG_ENVIRONMENT" | "WRONG_KEY";

  constructor(code: BadCredential["code"], message: string) {
    super(message);
    this.name = "BadCredential";
    this.code = code;
  }
}

/** What each broker asks for. */
export const FIELDS: Readonly<Record<BrokerName, readonly string[]>> = {
  alpaca: ["key", "secret"],
  tastytrade: ["client_secret", "refresh_token"],
};

const FORMAT = 1;
/** Every text is padded to one length, so that the length of a ciphertext tells nothing. */
const PADDED = 4096;
const END_OF_TEXT = 0x80;
const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;
const VALUE = /^[\x21-\x7e]{1,1500}$/;
const ENVIRONMENT_OF_KEY: Readonly<Record<string, Environment>> = { PK: "paper", AK: "live" };

/** The one text of a credential: JSON with sorted keys and no spaces (RFC 8785). Throws BadCredential. */
export function canonicalText(credential: Credential): string {
  check(credential);
  const { account, broker, environment, fields, purpose, sealedAt, user } = credential;
  const sorted = Object.fromEntries(Object.entries(fields).sort(([a], [b]) => (a < b ? -1 : 1)));
  // The order of the names is the order of the text.
  return JSON.stringify({
    account,
    broker,
    environment,
    fields: sorted,
    format: FORMAT,
    purpose,
    sealed_at: sealedAt.toISOString(),
    user,
  });
}

/** A sealed box in base64, for `store_credentials`. Throws BadCredential, also where the key is not what it says. */
export async function seal(sodium: Sodium, credential: Credential, key: SealingKey): Promise<string> {
  const publicKey = bytesOf(key.public_key);
  if (key.purpose !== credential.purpose || (await sha256(publicKey)) !== key.id) {
    throw new BadCredential("WRONG_KEY", "the sealing key is not the one it says it is; load the page again");
  }
  const text = new TextEncoder().encode(canonicalText(credential));
  if (text.length >= PADDED) {
    throw new BadCredential("BAD_CREDENTIAL", `a credential takes at most ${PADDED - 1} bytes, was ${text.length}`);
  }
  const padded = new Uint8Array(PADDED);
  padded.set(text);
  padded[text.length] = END_OF_TEXT;
  try {
    return textOf(sodium.crypto_box_seal(padded, publicKey));
  } finally {
    padded.fill(0);
    text.fill(0);
  }
}

function check(credential: Credential): void {
  const { broker, environment, fields, purpose } = credential;
  if (!UUID.test(credential.user) || !UUID.test(credential.account)) {
    throw new BadCredential("BAD_CREDENTIAL", "user and account are the ledger's ids");
  }
  const expected = Object.hasOwn(FIELDS, broker) ? FIELDS[broker] : [];
  const given = Object.entries(fields);
  if (given.length !== expected.length || !given.every(([name]) => expected.includes(name))) {
    throw new BadCredential("BAD_CREDENTIAL", `${broker} needs ${expected.join(" and ")}, and nothing else`);
  }
  for (const [name, value] of given) {
    if (!VALUE.test(value)) {
      throw new BadCredential("BAD_CREDENTIAL", `${name}: expected 1 to 1500 visible ASCII characters without spaces`);
    }
  }
  // Alpaca has no read-only keys: market data is read with a paper account's, which can cost nobody money.
  const wanted = purpose === "trading" ? environment : "paper";
  const validIn = ENVIRONMENT_OF_KEY[fields.key?.slice(0, 2) ?? ""];
  if (broker === "alpaca" && validIn !== undefined && validIn !== wanted) {
    throw new BadCredential(
      "WRONG_ENVIRONMENT",
      `this is a ${validIn} account's key; for ${purpose} enter a ${wanted} key`,
    );
  }
}

async function sha256(bytes: Uint8Array<ArrayBuffer>): Promise<string> {
  const digest = new Uint8Array(await crypto.subtle.digest("SHA-256", bytes));
  return Array.from(digest, (byte) => byte.toString(16).padStart(2, "0")).join("");
}

function bytesOf(base64: string): Uint8Array<ArrayBuffer> {
  return Uint8Array.from(atob(base64), (character) => character.charCodeAt(0));
}

function textOf(bytes: Uint8Array): string {
  return btoa(Array.from(bytes, (byte) => String.fromCharCode(byte)).join(""));
}
