/** The authenticator apps of a user: their rows, and the secret that an app and Auth share. */
import { createCipheriv, createDecipheriv, hkdfSync, randomBytes } from "node:crypto";
import { Secret, TOTP } from "otpauth";
import type postgres from "postgres";

export interface Factor {
  id: string;
  friendly_name: string | null;
  factor_type: string;
  status: "unverified" | "verified";
  created_at: string;
  updated_at: string;
}

/** Of RFC 4226, 160 bits: as long as the hash that is made of it. */
const SECRET_BYTES = 20;
/** A code of the half minute before or after counts too: clocks differ, and typing takes time. */
const WINDOW = 1;
const NONCE_BYTES = 12;
const TAG_BYTES = 16;

/** Oldest first, as the user's answer lists them. */
export async function factorsOf(user: string, sql: postgres.Sql): Promise<Factor[]> {
  return await sql<Factor[]>`
    select id, friendly_name, factor_type, status, created_at, updated_at from auth.mfa_factors where user_id = ${user} order by created_at, id`;
}

export function newSecret(): string {
  return new Secret({ size: SECRET_BYTES }).base32;
}

/** The time-based one-time passwords (RFC 6238) of a secret; `toString()` is the otpauth address. */
export function totp(secret: string, issuer: string, label: string): TOTP {
  return new TOTP({ issuer, label, secret: Secret.fromBase32(secret), algorithm: "SHA1", digits: 6, period: 30 });
}

export function isCurrentCode(secret: string, code: string): boolean {
  return /^\d{6}$/.test(code) && totp(secret, "", "").validate({ token: code, window: WINDOW }) !== null;
}

/** Keeps the secrets of factors encrypted: who reads the table, or a copy of it, makes no codes. */
export class SecretBox {
  readonly #key: Uint8Array;

  constructor(jwtSecret: string) {
    this.#key = new Uint8Array(hkdfSync("sha256", jwtSecret, "", "secrets of second factors", 32));
  }

  /** Bound to the factor's id: the text opens as no other's. */
  sealed(secret: string, factor: string): string {
    const nonce = randomBytes(NONCE_BYTES);
    const cipher = createCipheriv("aes-256-gcm", this.#key, nonce).setAAD(Buffer.from(factor));
    return Buffer.concat([nonce, cipher.update(secret, "utf8"), cipher.final(), cipher.getAuthTag()]).toString("base64url");
  }

  opened(sealed: string, factor: string): string {
    const bytes = Buffer.from(sealed, "base64url");
    const decipher = createDecipheriv("aes-256-gcm", this.#key, bytes.subarray(0, NONCE_BYTES));
    decipher.setAAD(Buffer.from(factor)).setAuthTag(bytes.subarray(-TAG_BYTES));
    return decipher.update(bytes.subarray(NONCE_BYTES, -TAG_BYTES), undefined, "utf8") + decipher.final("utf8");
  }
}
