/**
 * One live table in the browser: rows by key, of which the newest version wins.
 *
 * A message may come late, twice, out of order or not at all. So a row is taken only if it is newer than the one that is
 * there, a snapshot mends whatever was lost, and what a message said while a snapshot was under way is kept.
 */
import type { Table } from "./rows";

/** What changes and asks to be painted; `flush` is called once a frame. */
export interface Painter {
  schedule: (flush: () => void) => void;
}

interface Kept<Row> {
  row: Row;
  version: number;
  /** The count of messages when it came: newer than a snapshot that was begun before. */
  heard: number;
}

export class Store<Row> {
  readonly table: Table<Row>;
  readonly #painter: Painter;
  readonly #rows = new Map<string, Kept<Row>>();
  readonly #listeners = new Set<() => void>();
  #heard = 0;
  #shown: readonly Row[] | null = null;
  #scheduled = false;
  /** When the last whole snapshot came; null before the first. */
  loadedAt: number | null = null;

  constructor(table: Table<Row>, painter: Painter) {
    this.table = table;
    this.#painter = painter;
  }

  /** Takes a row that was told; false where it is older than, or the same as, the one that is there. Throws ZodError where it is none. */
  hear(told: unknown): boolean {
    this.#heard += 1;
    const row = this.table.schema.parse(told);
    return this.#take(row, this.#heard);
  }

  /** Takes the part of a row that another row's message carried; false where the rest of it is not known here. */
  hearPart(key: string, told: Record<string, unknown>): boolean {
    this.#heard += 1;
    const kept = this.#rows.get(key);
    if (!kept) return false;
    this.#take(this.table.schema.parse({ ...kept.row, ...told }), this.#heard);
    return true;
  }

  /** Marks the beginning of a snapshot; give it to `replace` with the rows that were read. */
  begin(): number {
    return this.#heard;
  }

  /** Takes a whole snapshot that was begun at `mark`: what it does not hold is gone, unless it was told of since. */
  replace(rows: readonly unknown[], mark: number): void {
    const parsed = rows.map((row) => this.table.schema.parse(row));
    const keys = new Set(parsed.map((row) => this.table.key(row)));
    for (const [key, kept] of this.#rows) {
      if (!keys.has(key) && kept.heard <= mark) this.#rows.delete(key);
    }
    for (const row of parsed) this.#take(row, mark);
    this.loadedAt = Date.now();
    this.#changed();
  }

  get(key: string): Row | undefined {
    return this.#rows.get(key)?.row;
  }

  /** The rows, the newest first by the window's column; the same array until something changes. */
  readonly snapshot = (): readonly Row[] => {
    if (this.#shown === null) {
      const by = this.table.window.orderBy as keyof Row;
      this.#shown = [...this.#rows.values()]
        .map(({ row }) => row)
        .sort((a, b) => (a[by] < b[by] ? 1 : a[by] > b[by] ? -1 : this.table.key(a) < this.table.key(b) ? 1 : -1));
    }
    return this.#shown;
  };

  readonly subscribe = (listener: () => void): (() => void) => {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  };

  #take(row: Row, heard: number): boolean {
    const key = this.table.key(row);
    const version = this.table.version(row);
    const kept = this.#rows.get(key);
    if (kept && kept.version >= version) return false;
    this.#rows.set(key, { row, version, heard });
    this.#changed();
    return true;
  }

  #changed(): void {
    if (this.#scheduled) return;
    this.#scheduled = true;
    this.#painter.schedule(() => {
      this.#scheduled = false;
      this.#shown = null;
      for (const listener of this.#listeners) listener();
    });
  }
}

/** One paint a frame, however much is told in it; a hidden page has no frames and is told a few times a second. */
export function framePainter(): Painter {
  let waiting: (() => void)[] = [];
  const flush = () => {
    const now = waiting;
    waiting = [];
    for (const one of now) one();
  };
  return {
    schedule(one) {
      waiting.push(one);
      if (waiting.length > 1) return;
      if (document.visibilityState === "visible") requestAnimationFrame(flush);
      else setTimeout(flush, 250);
    },
  };
}
