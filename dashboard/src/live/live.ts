/**
 * The dashboard's memory of the ledger: joins the private topics, takes snapshots, and says how fresh all of it is.
 *
 * Realtime may lose messages and does not say so. So: first the topic is joined, then the snapshot is read; again after
 * every rejoin, when the tab is looked at again, when the machine comes back online, and slowly all the time.
 */
import { REALTIME_SUBSCRIBE_STATES, type RealtimeChannel } from "@supabase/supabase-js";
import type { Supabase } from "@/session/supabase";
import { columnsOf, TABLES, type RowOf, type Table, type TableName } from "./rows";
import { framePainter, Store, type Painter } from "./store";

/** `live`: joined, and the snapshot came after that. `stale`: what is shown may have changed since `since`. */
export type Freshness = { state: "connecting" } | { state: "live" } | { state: "stale"; since: number; why: string };

export interface Heard {
  table: TableName;
  row: Record<string, unknown>;
}

const SLOW_POLL_MS = 60_000;
/** While the topic is not joined, rows are asked for instead. */
const LOST_POLL_MS = 5_000;
/** Two looks at the tab within this time read once. */
const AGAIN_MS = 2_000;

const NAMES = Object.keys(TABLES) as TableName[];
const BY_EVENT = new Map<string, TableName>(NAMES.map((name) => [TABLES[name].name, name]));

export class Live {
  readonly stores: { readonly [Name in TableName]: Store<RowOf<Name>> };
  readonly #supabase: Supabase;
  #channels: RealtimeChannel[] = [];
  #joined = new Set<string>();
  #freshness: Freshness = { state: "connecting" };
  #lastGood: number | null = null;
  #loading: Promise<void> | null = null;
  #again = false;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #stopped = false;
  readonly #freshListeners = new Set<() => void>();
  readonly #heardListeners = new Set<(heard: Heard) => void>();

  constructor(supabase: Supabase, painter: Painter = framePainter()) {
    this.#supabase = supabase;
    this.stores = Object.fromEntries(NAMES.map((name) => [name, new Store(TABLES[name] as Table<unknown>, painter)])) as unknown as typeof this.stores;
  }

  /** Joins the topics of everybody whose rows the session reads, and keeps the stores fresh until `stop`. */
  async start(): Promise<void> {
    addEventListener("online", this.#wake);
    addEventListener("offline", this.#offline);
    document.addEventListener("visibilitychange", this.#looked);
    addEventListener("focus", this.#looked);
    await this.#supabase.realtime.setAuth();
    const users = await this.#readableUsers();
    if (this.#stopped) return;
    for (const user of users) this.#join(user);
    this.#schedule();
  }

  stop(): void {
    this.#stopped = true;
    clearTimeout(this.#timer);
    removeEventListener("online", this.#wake);
    removeEventListener("offline", this.#offline);
    removeEventListener("focus", this.#looked);
    document.removeEventListener("visibilitychange", this.#looked);
    for (const channel of this.#channels) void this.#supabase.removeChannel(channel);
    this.#channels = [];
  }

  readonly freshness = (): Freshness => this.#freshness;

  readonly onFreshness = (listener: () => void): (() => void) => {
    this.#freshListeners.add(listener);
    return () => this.#freshListeners.delete(listener);
  };

  /** Is called with each row that was told, after its store has taken it. */
  onHeard(listener: (heard: Heard) => void): () => void {
    this.#heardListeners.add(listener);
    return () => this.#heardListeners.delete(listener);
  }

  /** Reads every table again; asked for twice at once it reads once more after the first. */
  async refresh(): Promise<void> {
    if (this.#loading) {
      this.#again = true;
      return this.#loading;
    }
    this.#loading = this.#load();
    try {
      await this.#loading;
    } finally {
      this.#loading = null;
    }
    if (this.#again) {
      this.#again = false;
      await this.refresh();
    }
  }

  #join(user: string): void {
    const topic = `user:${user}`;
    const channel = this.#supabase.channel(topic, { config: { private: true } });
    for (const [event, name] of BY_EVENT) {
      channel.on("broadcast", { event }, ({ payload }: { payload: unknown }) => this.#hear(name, payload as Told));
    }
    channel.on("broadcast", { event: "position_adjustments" }, ({ payload }: { payload: unknown }) => this.#hearParts(payload as Told));
    channel.subscribe((status) => {
      if (this.#stopped) return;
      if (status === REALTIME_SUBSCRIBE_STATES.SUBSCRIBED) {
        this.#joined.add(topic);
        void this.refresh();
      } else {
        this.#joined.delete(topic);
        this.#stale("The live connection is lost; rows are asked for every few seconds.");
      }
    });
    this.#channels.push(channel);
  }

  #hear(name: TableName, told: Told): void {
    const store = this.stores[name] as Store<unknown>;
    try {
      const taken = store.hear(told.row);
      this.#hearParts(told);
      if (!taken) return;
    } catch (error) {
      // Not what this version of the dashboard knows: the rows themselves are asked for.
      console.warn(`a message about ${name} was not understood`, error);
      void this.refresh();
      return;
    }
    for (const listener of this.#heardListeners) listener({ table: name, row: told.row });
  }

  /** A fill's message carries what it has changed of its order, and the position as it is now. */
  #hearParts({ trade, position }: Told): void {
    if (position) this.stores.positions.hear(position);
    // An order that is not in the window: the next snapshot brings it.
    if (trade && !this.stores.trades.hearPart(trade.id, trade)) void this.refresh();
  }

  async #load(): Promise<void> {
    try {
      const joined = this.#channels.length > 0 && this.#joined.size === this.#channels.length;
      await Promise.all(NAMES.map((name) => this.#snapshot(name)));
      this.#lastGood = Date.now();
      if (joined) this.#set({ state: "live" });
      else if (this.#freshness.state === "stale") this.#set({ ...this.#freshness, since: this.#lastGood });
    } catch (error) {
      this.#stale(`The ledger does not answer (${error instanceof Error ? error.message : String(error)}).`);
    }
  }

  async #snapshot(name: TableName): Promise<void> {
    const table = TABLES[name] as Table<unknown>;
    const store = this.stores[name] as Store<unknown>;
    const mark = store.begin();
    const { orderBy, most } = table.window;
    const asked = () => this.#supabase.from(table.name).select(columnsOf(table));
    const [newest, always] = await Promise.all([
      asked().order(orderBy, { ascending: false }).limit(most),
      table.always ? asked().in(table.always.column, table.always.values).limit(most) : null,
    ]);
    const error = newest.error ?? always?.error;
    if (error) throw new Error(error.message);
    store.replace([...(newest.data ?? []), ...(always?.data ?? [])], mark);
  }

  async #readableUsers(): Promise<string[]> {
    const { data: session } = await this.#supabase.auth.getSession();
    const own = session.session?.user.id;
    if (!own) return [];
    // A viewer reads the accounts of the traders of their desk.
    const { data } = await this.#supabase.from("broker_accounts").select("user_id").limit(1000);
    return [...new Set([own, ...(data ?? []).map(({ user_id }) => user_id as string)])];
  }

  #schedule(): void {
    clearTimeout(this.#timer);
    if (this.#stopped) return;
    const again = () => void this.refresh().then(() => this.#schedule());
    this.#timer = setTimeout(again, this.#freshness.state === "live" ? SLOW_POLL_MS : LOST_POLL_MS);
  }

  readonly #wake = (): void => void this.refresh();

  readonly #offline = (): void => this.#stale("This device is offline.");

  readonly #looked = (): void => {
    if (document.visibilityState === "visible" && Date.now() - (this.#lastGood ?? 0) > AGAIN_MS) void this.refresh();
  };

  #stale(why: string): void {
    this.#set({ state: "stale", since: this.#freshness.state === "stale" ? this.#freshness.since : (this.#lastGood ?? Date.now()), why });
  }

  #set(freshness: Freshness): void {
    const before = this.#freshness;
    this.#freshness = freshness;
    if (before.state === freshness.state && freshness.state !== "stale") return;
    for (const listener of this.#freshListeners) listener();
    this.#schedule();
  }
}

interface Told {
  row: Record<string, unknown>;
  trade?: { id: string } & Record<string, unknown>;
  position?: Record<string, unknown> | null;
}
