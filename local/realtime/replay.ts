// Private channels may ask at the join for what was broadcast from the database a while ago.

import type { Channel } from "./channel.ts";
import type { Sql } from "./database.ts";
import { encodeBroadcast } from "./frames.ts";
import { isObject } from "./json.ts";

const MOST_REPLAYED = 25;

export class Replay {
  readonly #sql: Sql;

  constructor(sql: Sql) {
    this.#sql = sql;
  }

  /** `wanted`: {since: milliseconds since 1970, limit: 1 to 25}. Anything else asks for nothing. */
  async send(channel: Channel, wanted: unknown): Promise<void> {
    if (!channel.config.isPrivate || !channel.permissions.broadcast.read || !isObject(wanted)) return;
    const { since, limit = MOST_REPLAYED } = wanted;
    if (typeof since !== "number" || typeof limit !== "number") return;
    const rows = await this.#sql<{ id: string; event: string | null; payload: string | null }[]>`
      select id, event, payload::text from (
        select id, event, payload, inserted_at from realtime.messages
        where topic = ${channel.name} and private and extension = 'broadcast'
          and inserted_at >= to_timestamp(${since}::float8 / 1000) at time zone 'UTC'
        order by inserted_at desc limit ${Math.max(1, Math.min(MOST_REPLAYED, Math.floor(limit)))}
      ) as latest order by inserted_at`;
    for (const { id, event, payload } of rows) {
      const broadcast = { event: event ?? "", body: payload ?? "null", meta: { id, replayed: true } };
      const frame = encodeBroadcast(channel.outlet.version, channel.topic, broadcast);
      if (frame !== null) channel.outlet.sendRaw(frame);
    }
  }
}
