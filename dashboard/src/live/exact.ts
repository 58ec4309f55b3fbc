/** JSON without loss: a JavaScript number has 15 digits, an amount of the ledger up to 38. */

interface Source {
  source?: string;
}

/** A number that is no small integer comes as the text that was sent, so that no digit of an amount is lost. */
export function parseExact(text: string): unknown {
  return JSON.parse(text, ((_name: string, value: unknown, context?: Source) => {
    if (typeof value !== "number") return value;
    const source = context?.source;
    return source === undefined || /^-?\d{1,15}$/.test(source) ? value : source;
  }) as (name: string, value: unknown) => unknown);
}

/** realtime-js's decoder of frames (vsn 2.0.0), with exact amounts. A broadcast may come as bytes: kind 4. */
export function decodeFrame<Done>(raw: ArrayBuffer | string, done: (frame: Frame) => Done): Done {
  if (typeof raw !== "string") return done(broadcastOf(raw));
  const [join_ref, ref, topic, event, payload] = parseExact(raw) as [string | null, string | null, string, string, unknown];
  return done({ join_ref, ref, topic, event, payload } as Frame);
}

interface Frame {
  join_ref?: string;
  ref?: string;
  topic: string;
  event: string;
  payload: unknown;
}

const USER_BROADCAST = 4;
const AS_JSON = 1;

/** Kind, the lengths of topic, event and metadata, the payload's encoding; then those four. */
function broadcastOf(raw: ArrayBuffer): Frame {
  const bytes = new Uint8Array(raw);
  const [kind, topicLength = 0, eventLength = 0, metadataLength = 0, encoding] = bytes;
  if (kind !== USER_BROADCAST || encoding !== AS_JSON) throw new TypeError(`Expected a broadcast in JSON, got a frame of kind ${kind ?? "none"}.`);
  const texts = new TextDecoder();
  let at = 5;
  const next = (length: number) => texts.decode(bytes.subarray(at, (at += length)));
  const topic = next(topicLength);
  const event = next(eventLength);
  next(metadataLength);
  return { topic, event: "broadcast", payload: { type: "broadcast", event, payload: parseExact(texts.decode(bytes.subarray(at))) } };
}
