/** Linked accounts, their credentials, and consent to live trading. */
import { z } from "@hono/zod-openapi";
import { Amount, Id, Time, Version } from "./values.ts";

const Broker = z.enum(["alpaca", "tastytrade"]);
const Purpose = z.enum(["trading", "data"]).openapi({ description: "trading: the account's own key. data: a key that reads the market." });
const Label = z.string().max(100).openapi({ description: "Your name for it." });

export const NewBrokerAccount = z.strictObject({
  broker: Broker,
  number: z.string().min(1).max(100).openapi({ description: "The broker's number of the account, as its statements print it.", example: "PA3SECOND001" }),
  is_paper: z.boolean().default(true),
  label: Label.default(""),
}).openapi("NewBrokerAccount");

const SealedCredential = z.strictObject({
  purpose: Purpose,
  key_id: z.string().regex(/^[0-9a-f]{64}$/, "is the id of a sealing key").openapi({ description: "The sealing key that it is sealed with." }),
  sealed: z.string().regex(/^[A-Za-z0-9+/]{5526}==$/, "is a sealed box of 4144 bytes in base64").openapi({
    description: "A libsodium sealed box of the padded credential in base64, see docs/credentials.md: nobody but the one function that uses it can open it.",
  }),
}).openapi("SealedCredential");

export const BrokerAccountChange = z.strictObject({ label: Label.optional(), credential: SealedCredential.optional() })
  .refine(({ label, credential }) => label !== undefined || credential !== undefined, "says a label, a credential or both")
  .openapi("BrokerAccountChange");

export const BrokerAccount = z.object({
  id: Id,
  broker: Broker,
  number: z.string(),
  label: z.string(),
  is_paper: z.boolean(),
  status: z.enum(["active", "unlinked"]),
  trading_entered_at: Time.nullable().openapi({ description: "When the trading credential was entered; null while there is none." }),
  data_entered_at: Time.nullable(),
  link_state: z.enum(["unverified", "verified", "refused"]).openapi({ description: "What the broker said to the trading credential." }),
  link_code: z.string().nullable(),
  link_reason: z.string().nullable().openapi({ description: "Why it is refused or not verified yet, and what to do." }),
  link_checked_at: Time.nullable(),
  unlinked_at: Time.nullable(),
  unlinked_reason: z.string().nullable(),
  created_at: Time,
  updated_at: Time,
  version: Version,
}).openapi("BrokerAccount");

export const SealingKey = z.object({
  id: z.string().openapi({ description: "SHA-256 of the public key, hexadecimal: compare it." }),
  purpose: Purpose,
  public_key: z.string().openapi({ description: "X25519, 32 bytes in base64." }),
  registered_at: Time,
}).openapi("SealingKey");
export const SealingKeyQuery = z.strictObject({ purpose: Purpose.default("trading") });

export const LinkVerdict = z.object({
  state: z.enum(["unverified", "verified", "refused"]),
  code: z.string().nullable(),
  reason: z.string().nullable(),
}).openapi("LinkVerdict");

export const LiveConsent = z.strictObject({
  number: z.string().max(100).openapi({ description: "The broker's number of the account whose money is at stake, typed out." }),
}).openapi("LiveConsent");
export const LiveConfirmed = z.object({ at: Time, until: Time }).openapi("LiveConfirmed");
export const LiveConfirmation = z.object({ action: z.enum(["confirmed", "withdrawn"]), by_whom: z.string(), at: Time }).openapi("LiveConfirmation");

export const Balance = z.object({
  broker_account_id: Id,
  as_of: Time,
  cash: Amount,
  equity: Amount,
  buying_power: Amount.nullable(),
  options_buying_power: Amount.nullable(),
  settled_cash: Amount.nullable(),
  margin_requirement: Amount.nullable(),
}).openapi("Balance");
