// One client's subscription to one topic.

import type { Permissions } from "./authority.ts";
import type { Frame, Version } from "./frames.ts";
import type { JsonObject } from "./json.ts";
import type { Identity } from "./token.ts";

/** The client's side of the socket, as much of it as a channel needs. */
export interface Outlet {
  readonly version: Version;
  send(frame: Frame): void;
  sendRaw(frame: string | Buffer): void;
  /** Ends the channel and tells the client. */
  drop(channel: Channel, event: "phx_error" | "phx_close", payload?: JsonObject): void;
}

export interface ChannelConfig {
  readonly isPrivate: boolean;
  /** Whether the sender hears its own broadcasts. */
  readonly echoes: boolean;
  readonly acknowledges: boolean;
  readonly presenceKey: string;
}

export const TOPIC_PREFIX = "realtime:";
const LONGEST_TIMER_MS = 2 ** 31 - 1;

export class Channel {
  readonly outlet: Outlet;
  readonly topic: string;
  readonly joinRef: string | null;
  readonly config: ChannelConfig;
  identity: Identity;
  permissions: Permissions;
  presenceEnabled: boolean;
  #expiry: NodeJS.Timeout | null = null;

  constructor(
    outlet: Outlet,
    topic: string,
    joinRef: string | null,
    config: ChannelConfig,
    access: { identity: Identity; permissions: Permissions },
    presenceEnabled: boolean,
  ) {
    this.outlet = outlet;
    this.topic = topic;
    this.joinRef = joinRef;
    this.config = config;
    this.identity = access.identity;
    this.permissions = access.permissions;
    this.presenceEnabled = presenceEnabled;
  }

  /** The topic as policies and `realtime.send` know it. */
  get name(): string {
    return this.topic.slice(TOPIC_PREFIX.length);
  }

  /** Public and private channels of one name never hear each other. */
  get room(): string {
    return roomOf(this.name, this.config.isPrivate);
  }

  push(event: string, payload: JsonObject): void {
    this.outlet.send({ joinRef: null, ref: null, topic: this.topic, event, payload });
  }

  reply(ref: string | null, status: "ok" | "error", response: JsonObject): void {
    this.outlet.send({
      joinRef: this.joinRef, ref, topic: this.topic, event: "phx_reply", payload: { status, response },
    });
  }

  system(status: "ok" | "error", extension: string, message: string): void {
    this.push("system", { status, extension, message, channel: this.name });
  }

  /** Tells the client that this channel is over for it: `phx_error` makes it join again, `phx_close` does not. */
  end(event: "phx_error" | "phx_close", payload: JsonObject = {}): void {
    this.outlet.send({ joinRef: this.joinRef, ref: this.joinRef, topic: this.topic, event, payload });
  }

  /** Calls `expired` when the current token's time is over. Replaces an earlier watch. */
  watchExpiry(expired: () => void): void {
    this.stopWatching();
    const { expiresAt } = this.identity;
    if (expiresAt === null) return;
    const left = expiresAt * 1000 - Date.now();
    // A timer holds 24.8 days at most; a longer one would fire at once.
    this.#expiry = setTimeout(
      () => { if (left > LONGEST_TIMER_MS) this.watchExpiry(expired); else expired(); },
      Math.max(0, Math.min(left, LONGEST_TIMER_MS)),
    );
  }

  stopWatching(): void {
    if (this.#expiry !== null) clearTimeout(this.#expiry);
    this.#expiry = null;
  }
}

export function roomOf(name: string, isPrivate: boolean): string {
  return `${isPrivate ? "private" : "public"}:${name}`;
}

