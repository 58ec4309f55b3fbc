/** Whether each part of the platform is well, in a word: what is not told is not known, and never passed off as well. */
import { ago, full, minute, zoneName } from "@/time/times";

export interface Look {
  tone: "good" | "warn" | "bad" | "plain";
  word: string;
  about: string;
}

/** Workers say every ten seconds that they are well; one that was stopped is told by its silence. */
const SILENT_MS = 60_000;
/** What a feed may be late beside its own declared delay, while the market is open. */
const LATE_MS = 60_000;
const UNKNOWN = "not known";

/** The next session that is not over; times are UTC. */
export interface Session {
  opens_at: string;
  closes_at: string;
}

/** `now` is the market's: where it is replayed, its tape's. */
export function marketLook(session: Session | null | undefined, now: number | null, zone: string): Look {
  if (session === undefined || now === null) return { tone: "plain", word: UNKNOWN, about: "Where the market stands is not told." };
  if (session === null) return { tone: "warn", word: UNKNOWN, about: "The stored calendar does not reach today." };
  const within = Date.parse(session.opens_at) <= now;
  return within
    ? { tone: "good", word: "open", about: `until ${minute(session.closes_at, zone)} ${zoneName(zone, session.closes_at)}` }
    : { tone: "plain", word: "closed", about: `opens ${full(session.opens_at, zone)}` };
}

export function workerLook(at: string, now: number): Look {
  const age = now - Date.parse(at);
  return age > SILENT_MS
    ? { tone: "bad", word: "silent", about: `for ${ago(age)}; what it does waits` }
    : { tone: "good", word: "well", about: "said so within the minute" };
}

/** `newest` is the newest quote of all symbols, null where there is none. */
export function feedLook(newest: { quoted_at: string; delay_seconds: number } | null | undefined, now: number | null, open: boolean, zone: string): Look {
  if (newest === undefined) return { tone: "plain", word: UNKNOWN, about: "Not asked yet." };
  if (newest === null) return { tone: "plain", word: "no quote", about: "None was ever told." };
  const of = `newest quote of ${full(newest.quoted_at, zone)}`;
  if (!open || now === null) return { tone: "plain", word: "resting", about: of };
  const late = now - Date.parse(newest.quoted_at) - newest.delay_seconds * 1000;
  return late > LATE_MS ? { tone: "bad", word: "late", about: `${of}, by ${ago(late)}` } : { tone: "good", word: "in time", about: of };
}

export function accountLook({ link_state, keys }: { link_state: string; keys: boolean }): Look {
  if (!keys) return { tone: "warn", word: "no keys", about: "Nothing is sent for it. Enter its keys on the accounts page." };
  if (link_state === "verified") return { tone: "good", word: "verified", about: "the broker takes its keys" };
  if (link_state === "refused") return { tone: "bad", word: "refused", about: "The broker does not take its keys. Enter new ones on the accounts page." };
  return { tone: "warn", word: "being asked", about: "The broker has not answered yet." };
}
