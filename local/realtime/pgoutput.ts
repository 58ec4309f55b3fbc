// Postgres's logical replication messages (plugin pgoutput, protocol 1), decoded to changes by transaction.

export interface Column {
  readonly name: string;
  readonly typeId: number;
  readonly isKey: boolean;
}

export interface Relation {
  readonly id: number;
  readonly schema: string;
  readonly table: string;
  /** `d` default, `n` nothing, `f` full, `i` index. */
  readonly replicaIdentity: string;
  readonly columns: readonly Column[];
}

/** Text as Postgres prints it, null, or undefined: unchanged, stored out of line and so not in the log. */
export type Tuple = readonly (string | null | undefined)[];

export interface Change {
  readonly kind: "INSERT" | "UPDATE" | "DELETE";
  readonly relation: Relation;
  readonly row: Tuple | null;
  readonly old: Tuple | null;
}

export interface Transaction {
  /** The low 32 bits of the transaction's id. */
  readonly xid: number;
  readonly committedAt: Date;
  readonly changes: readonly Change[];
  /** Where the log may be forgotten up to. */
  readonly end: bigint;
}

const POSTGRES_EPOCH_MS = Date.UTC(2000, 0, 1);

class Reader {
  readonly #bytes: Buffer;
  #at = 1;

  constructor(bytes: Buffer) {
    this.#bytes = bytes;
  }

  byte(): string {
    return String.fromCharCode(this.uint8());
  }

  uint8(): number {
    const value = this.#bytes.readUInt8(this.#at);
    this.#at += 1;
    return value;
  }

  uint16(): number {
    const value = this.#bytes.readUInt16BE(this.#at);
    this.#at += 2;
    return value;
  }

  uint32(): number {
    const value = this.#bytes.readUInt32BE(this.#at);
    this.#at += 4;
    return value;
  }

  uint64(): bigint {
    const value = this.#bytes.readBigUInt64BE(this.#at);
    this.#at += 8;
    return value;
  }

  name(): string {
    const end = this.#bytes.indexOf(0, this.#at);
    const value = this.#bytes.toString("utf8", this.#at, end);
    this.#at = end + 1;
    return value;
  }

  tuple(): Tuple {
    return Array.from({ length: this.uint16() }, () => {
      switch (this.byte()) {
        case "n":
          return null;
        case "u":
          return undefined;
        default: {
          const length = this.uint32();
          const value = this.#bytes.toString("utf8", this.#at, this.#at + length);
          this.#at += length;
          return value;
        }
      }
    });
  }
}

export class PgOutputDecoder {
  readonly #relations = new Map<number, Relation>();
  #changes: Change[] = [];
  #committedAt = new Date(0);
  #xid = 0;

  /** Takes one message; returns the transaction when this message ends it. Throws on a message it cannot know. */
  take(message: Buffer): Transaction | null {
    const reader = new Reader(message);
    const kind = String.fromCharCode(message.readUInt8(0));
    switch (kind) {
      case "B":
        reader.uint64();
        this.#committedAt = new Date(POSTGRES_EPOCH_MS + Number(reader.uint64() / 1000n));
        this.#xid = reader.uint32();
        this.#changes = [];
        return null;
      case "R":
        this.#learn(reader);
        return null;
      case "I": {
        const relation = this.#relation(reader);
        reader.byte();
        this.#changes.push({ kind: "INSERT", relation, row: reader.tuple(), old: null });
        return null;
      }
      case "U": {
        const relation = this.#relation(reader);
        const old = reader.byte() === "N" ? null : reader.tuple();
        if (old !== null) reader.byte();
        this.#changes.push({ kind: "UPDATE", relation, row: reader.tuple(), old });
        return null;
      }
      case "D": {
        const relation = this.#relation(reader);
        reader.byte();
        this.#changes.push({ kind: "DELETE", relation, row: null, old: reader.tuple() });
        return null;
      }
      case "C": {
        reader.uint8();
        reader.uint64();
        return { xid: this.#xid, committedAt: this.#committedAt, changes: this.#changes, end: reader.uint64() };
      }
      case "T": // truncate: no rows to tell about
      case "Y": // type: looked up in the catalogue
      case "O": // origin
      case "M": // logical message
        return null;
      default:
        throw new Error(`unknown replication message ${JSON.stringify(kind)}`);
    }
  }

  #learn(reader: Reader): void {
    const id = reader.uint32();
    const schema = reader.name() || "pg_catalog";
    const table = reader.name();
    const replicaIdentity = reader.byte();
    const columns = Array.from({ length: reader.uint16() }, (): Column => {
      const isKey = (reader.uint8() & 1) === 1;
      const name = reader.name();
      const typeId = reader.uint32();
      reader.uint32();
      return { name, typeId, isKey };
    });
    this.#relations.set(id, { id, schema, table, replicaIdentity, columns });
  }

  #relation(reader: Reader): Relation {
    const id = reader.uint32();
    const relation = this.#relations.get(id);
    if (relation === undefined) throw new Error(`replication names relation ${id} before describing it`);
    return relation;
  }
}
