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

/** realtime-js's decoder of text frames (vsn 2.0.0), with exact amounts. */
export function decodeFrame<Done>(raw: unknown, done: (frame: Frame) => Done): Done {
  const [join_ref, ref, topic, event, payload] = parseExact(String(raw)) as [string | null, string | null, string, string, unknown];
  return done({ join_ref, ref, topic, event, payload } as Frame);
}

interface Frame {
  join_ref?: string;
  ref?: string;
  topic: string;
  event: string;
  payload: unknown;
}
