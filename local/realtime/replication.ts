// The stream of committed changes. It reconnects by itself; what was committed while it was away is not replayed
// (the slot is temporary, so a server that stays down never makes Postgres keep its log). Whoever listens is told that
// there was a gap, and makes the clients subscribe anew and take a snapshot.

import { randomBytes } from "node:crypto";
import { EventEmitter } from "node:events";
import type { Duplex } from "node:stream";
import { openReplication, type Sql } from "./database.ts";
import { log, textOf } from "./log.ts";
import { PgOutputDecoder, type Transaction } from "./pgoutput.ts";

const PUBLICATIONS = "supabase_realtime,supabase_realtime_messages_publication";
const FIRST_BACKOFF_MS = 50;
const LONGEST_BACKOFF_MS = 2000;
// Postgres drops a silent receiver after wal_sender_timeout (60 s), and keeps the log until it is confirmed.
const CONFIRM_EVERY_MS = 10_000;
const HEADER_OF_DATA = 25;

interface Events {
  transaction: [Transaction];
  /** The stream runs again after it had been running before: changes in between are missing. */
  gap: [];
  lost: [];
}

export class Replication extends EventEmitter<Events> {
  readonly #url: string;
  #running = false;
  #ranBefore = false;
  #stopped = false;
  #backoff = FIRST_BACKOFF_MS;
  #connection: Sql | null = null;
  #retry: NodeJS.Timeout | null = null;
  #waiting = new Set<() => void>();

  constructor(url: string) {
    super();
    this.#url = url;
  }

  get running(): boolean {
    return this.#running;
  }

  start(): void {
    void this.#connect();
  }

  /** Waits until changes are streaming: a client told so before would miss what is committed in between. */
  async ready(withinMs: number): Promise<boolean> {
    if (this.#running) return true;
    return new Promise((resolve) => {
      const settle = (): void => {
        clearTimeout(timer);
        this.#waiting.delete(settle);
        resolve(this.#running);
      };
      const timer = setTimeout(settle, withinMs);
      this.#waiting.add(settle);
    });
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    if (this.#retry !== null) clearTimeout(this.#retry);
    await this.#connection?.end({ timeout: 0 });
  }

  async #connect(): Promise<void> {
    const connection = openReplication(this.#url, () => { this.#lose(connection, "the connection ended"); });
    this.#connection = connection;
    try {
      const slot = `realtime_${randomBytes(8).toString("hex")}`;
      const [created] = await connection.unsafe<{ consistent_point: string }[]>(
        `CREATE_REPLICATION_SLOT ${slot} TEMPORARY LOGICAL pgoutput NOEXPORT_SNAPSHOT`,
      );
      if (created === undefined) throw new Error("Postgres named no starting point for the replication slot");
      const stream = (await connection
        .unsafe(
          `START_REPLICATION SLOT ${slot} LOGICAL ${created.consistent_point} ` +
            `(proto_version '1', publication_names '${PUBLICATIONS}')`,
        )
        .writable()) as unknown as Duplex;
      this.#read(stream, startingPoint(created.consistent_point));
      this.#run();
    } catch (error) {
      this.#lose(connection, textOf(error));
    }
  }

  #read(stream: Duplex, start: bigint): void {
    const decoder = new PgOutputDecoder();
    let handled = start;
    const confirm = (): void => {
      if (stream.writable) stream.write(confirmation(handled));
    };
    const confirming = setInterval(confirm, CONFIRM_EVERY_MS);
    stream.on("data", (message: Buffer) => {
      const kind = message[0];
      if (kind === 0x77) {
        const transaction = this.#decode(decoder, message.subarray(HEADER_OF_DATA), stream);
        if (transaction !== null) {
          handled = transaction.end;
          this.emit("transaction", transaction);
        }
      } else if (kind === 0x6b) {
        // Everything before a keepalive was already delivered, so the log up to it may go.
        const end = message.readBigUInt64BE(1);
        if (end > handled) handled = end;
        if (message[17] === 1) confirm();
      }
    });
    // The connection's end is what counts; it follows every error of the stream.
    stream.on("error", (error) => { if (!this.#stopped) log.warning(`replication: ${error.message}`); });
    stream.on("close", () => { clearInterval(confirming); });
  }

  #decode(decoder: PgOutputDecoder, message: Buffer, stream: Duplex): Transaction | null {
    try {
      return decoder.take(message);
    } catch (error) {
      // A message that cannot be read leaves a hole; a new stream makes the clients take a snapshot.
      stream.destroy(error instanceof Error ? error : new Error(textOf(error)));
      return null;
    }
  }

  #run(): void {
    this.#running = true;
    this.#backoff = FIRST_BACKOFF_MS;
    log.info("streaming changes");
    for (const settle of [...this.#waiting]) settle();
    if (this.#ranBefore) this.emit("gap");
    this.#ranBefore = true;
  }

  #lose(connection: Sql, reason: string): void {
    // A connection can end in more than one way; it is mourned once.
    if (this.#connection !== connection) return;
    this.#connection = null;
    void connection.end({ timeout: 0 }).catch((error: unknown) => { log.warning(textOf(error)); });
    if (this.#stopped) return;
    if (this.#running) this.emit("lost");
    this.#running = false;
    log.warning(`no replication stream (${reason}); trying again in ${this.#backoff} ms`);
    this.#retry = setTimeout(() => { void this.#connect(); }, this.#backoff);
    this.#backoff = Math.min(this.#backoff * 2, LONGEST_BACKOFF_MS);
  }
}

function startingPoint(text: string): bigint {
  const [high = "0", low = "0"] = text.split("/");
  return (BigInt(`0x${high}`) << 32n) + BigInt(`0x${low}`);
}

/** The standby status update: written, flushed and applied up to here. */
function confirmation(position: bigint): Buffer {
  const message = Buffer.alloc(34);
  message.write("r", 0);
  for (const offset of [1, 9, 17]) message.writeBigUInt64BE(position, offset);
  message.writeBigInt64BE(BigInt(Date.now() - Date.UTC(2000, 0, 1)) * 1000n, 25);
  return message;
}
