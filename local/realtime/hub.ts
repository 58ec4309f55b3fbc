// Who is in which room, and the way of a broadcast or a presence change to all of them.

import { roomOf, TOPIC_PREFIX, type Channel } from "./channel.ts";
import { encodeBroadcast, type Broadcast, type Version } from "./frames.ts";
import type { JsonObject } from "./json.ts";
import type { Transaction } from "./pgoutput.ts";
import { Presence, type PresenceDiff, type PresenceState } from "./presence.ts";

interface Room {
  readonly channels: Set<Channel>;
  readonly presence: Presence<Channel>;
}

export class Hub {
  readonly #rooms = new Map<string, Room>();

  enter(channel: Channel): void {
    const room = this.#rooms.get(channel.room) ?? { channels: new Set(), presence: new Presence<Channel>() };
    room.channels.add(channel);
    this.#rooms.set(channel.room, room);
  }

  leave(channel: Channel): void {
    const room = this.#rooms.get(channel.room);
    if (room === undefined) return;
    room.channels.delete(channel);
    this.#tell(room, room.presence.untrack(channel));
    if (room.channels.size === 0) this.#rooms.delete(channel.room);
  }

  /** Every channel of every client. */
  *channels(): Generator<Channel> {
    for (const room of this.#rooms.values()) yield* room.channels;
  }

  /** Sends to everybody in the room who may receive; `sender` hears itself only where it asked to. */
  broadcast(name: string, isPrivate: boolean, broadcast: Broadcast, sender: Channel | null = null): void {
    const room = this.#rooms.get(roomOf(name, isPrivate));
    if (room === undefined) return;
    const encoded = new Map<Version, string | Buffer | null>();
    for (const channel of room.channels) {
      if (!channel.permissions.broadcast.read || (channel === sender && !channel.config.echoes)) continue;
      const { version } = channel.outlet;
      let frame = encoded.get(version);
      if (frame === undefined) {
        frame = encodeBroadcast(version, TOPIC_PREFIX + name, broadcast);
        encoded.set(version, frame);
      }
      if (frame !== null) channel.outlet.sendRaw(frame);
    }
  }

  /** Sends the rows that a transaction wrote into realtime.messages. */
  broadcastRows(transaction: Transaction): void {
    for (const { kind, relation, row } of transaction.changes) {
      if (kind !== "INSERT" || row === null || relation.schema !== "realtime" || relation.table !== "messages") continue;
      const at = (column: string): string | null =>
        row[relation.columns.findIndex(({ name }) => name === column)] ?? null;
      const topic = at("topic");
      if (topic === null || at("extension") !== "broadcast") continue;
      this.broadcast(topic, at("private") === "t", {
        event: at("event") ?? "",
        body: at("payload") ?? "null",
        meta: { id: at("id") },
      });
    }
  }

  presenceOf(channel: Channel): PresenceState {
    return this.#rooms.get(channel.room)?.presence.state() ?? {};
  }

  track(channel: Channel, payload: JsonObject): void {
    const room = this.#rooms.get(channel.room);
    if (room !== undefined) this.#tell(room, room.presence.track(channel, channel.config.presenceKey, payload));
  }

  untrack(channel: Channel): void {
    const room = this.#rooms.get(channel.room);
    if (room !== undefined) this.#tell(room, room.presence.untrack(channel));
  }

  #tell(room: Room, diff: PresenceDiff | null): void {
    if (diff === null) return;
    for (const channel of room.channels) {
      if (channel.presenceEnabled && channel.permissions.presence.read) {
        channel.push("presence_diff", { joins: diff.joins, leaves: diff.leaves });
      }
    }
  }
}
