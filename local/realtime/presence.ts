// Who is here, per channel: a key (a user, a tab) with one or more metas, each known by its phx_ref.

import { randomBytes } from "node:crypto";
import type { JsonObject } from "./json.ts";

export type PresenceState = Record<string, { metas: JsonObject[] }>;

export interface PresenceDiff {
  readonly joins: PresenceState;
  readonly leaves: PresenceState;
}

export class Presence<Member> {
  readonly #tracked = new Map<Member, { key: string; meta: JsonObject }>();

  get isEmpty(): boolean {
    return this.#tracked.size === 0;
  }

  state(): PresenceState {
    const state: PresenceState = Object.create(null) as PresenceState;
    for (const { key, meta } of this.#tracked.values()) (state[key] ??= { metas: [] }).metas.push(meta);
    return state;
  }

  /** Enters a member, or replaces what it said before. */
  track(member: Member, key: string, payload: JsonObject): PresenceDiff {
    const before = this.#tracked.get(member);
    const meta: JsonObject = { ...payload, phx_ref: randomBytes(9).toString("base64url") };
    if (before !== undefined) meta["phx_ref_prev"] = before.meta["phx_ref"];
    this.#tracked.set(member, { key, meta });
    return { joins: only(key, meta), leaves: before === undefined ? {} : only(before.key, before.meta) };
  }

  /** Takes a member out; null where it was not here. */
  untrack(member: Member): PresenceDiff | null {
    const before = this.#tracked.get(member);
    if (before === undefined) return null;
    this.#tracked.delete(member);
    return { joins: {}, leaves: only(before.key, before.meta) };
  }
}

function only(key: string, meta: JsonObject): PresenceState {
  return { [key]: { metas: [meta] } };
}
