// Old rows of realtime.messages go: they were delivered long ago and serve only a client that asks for a replay.

import type { Sql } from "./database.ts";
import { log, textOf } from "./log.ts";

const EVERY_MS = 10 * 60_000;

export class Retention {
  readonly #sql: Sql;
  readonly #keepHours: number;
  #timer: NodeJS.Timeout | null = null;

  constructor(sql: Sql, keepHours: number) {
    this.#sql = sql;
    this.#keepHours = keepHours;
  }

  start(): void {
    void this.#prune();
    this.#timer = setInterval(() => { void this.#prune(); }, EVERY_MS);
  }

  stop(): void {
    if (this.#timer !== null) clearInterval(this.#timer);
  }

  async #prune(): Promise<void> {
    try {
      await this.#sql`
        delete from realtime.messages
        where inserted_at < now() at time zone 'UTC' - make_interval(hours => ${this.#keepHours}::int)`;
    } catch (error) {
      log.warning(`old messages stay until the next time: ${textOf(error)}`);
    }
  }
}
