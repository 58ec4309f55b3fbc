/**
 * The browser's side of the sealing tests, run by Node: reads one JSON object from standard input, writes one.
 *
 * {vectors, key, wrong, sealed, privateKey, publicKey} -> {texts, sealed, refusals, opened}
 */
import { createRequire } from "node:module";
import { text } from "node:stream/consumers";
import { sealedBox } from "../../../dashboard/src/sealed_box.ts";
import { BadCredential, type Credential, canonicalText, type Environment, type Purpose, seal, type SealingKey } from "../../../dashboard/src/sealing.ts";

interface Vector {
  user: string;
  account: string;
  broker: "alpaca" | "tastytrade";
  environment: Environment;
  purpose: Purpose;
  fields: Record<string, string>;
  sealed_at: string;
}

const sodium = createRequire(new URL("../../../local/package.json", import.meta.url))("libsodium-wrappers");
await sodium.ready;
const asked = JSON.parse(await text(process.stdin));

function credential(vector: Vector): Credential {
  const { sealed_at: sealedAt, ...rest } = vector;
  return { ...rest, sealedAt: new Date(sealedAt) };
}

async function refusal(vector: Vector, key: SealingKey): Promise<string> {
  try {
    await seal(sealedBox, credential(vector), key);
    return "sealed";
  } catch (error) {
    if (!(error instanceof BadCredential)) throw error;
    return `${error.code}: ${error.message}`;
  }
}

const base64 = (value: string): Uint8Array => sodium.from_base64(value, sodium.base64_variants.ORIGINAL);
process.stdout.write(
  JSON.stringify({
    texts: asked.vectors.map((vector: Vector) => canonicalText(credential(vector))),
    sealed: await Promise.all(asked.vectors.map((vector: Vector, at: number) => seal(sealedBox, credential(vector), asked.keys[at]))),
    refusals: await Promise.all(asked.wrong.map(({ vector, key }: { vector: Vector; key: SealingKey }) => refusal(vector, key))),
    opened: asked.sealed.map((box: string) =>
      sodium.to_base64(sodium.crypto_box_seal_open(base64(box), base64(asked.publicKey), base64(asked.privateKey)), sodium.base64_variants.ORIGINAL),
    ),
  }),
);
