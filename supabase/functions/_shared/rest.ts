/** PostgREST under a given token: row-level security and the ledger's own functions decide. */
import { trimmed } from "./amounts.ts";

/** What the ledger refused: its HTTP status, stable code, sentence, and the numbers that it saw. */
export class Refused extends Error {
  readonly status: number;
  readonly code: string;
  readonly todo: string;
  readonly numbers: Record<string, unknown>;
  /** The SQLSTATE, or PostgREST's own code. */
  readonly state: string;

  constructor(status: number, code: string, text: string, todo: string, numbers: Record<string, unknown>, state = "") {
    super(text);
    this.state = state;
    this.status = status;
    this.code = code;
    this.todo = todo;
    this.numbers = numbers;
  }
}

/** The ledger did not answer, or only that it cannot now: nothing is known of what was asked. */
export class Unreachable extends Error {}

export type Row = Record<string, unknown>;
/** Parts of a query as PostgREST writes them; an array repeats the name. */
export type Query = Record<string, string | readonly string[] | undefined>;

const WAIT_MS = 15_000;

export class Rest {
  readonly #token: string;
  readonly #requestId: string;

  constructor(token: string, requestId: string) {
    this.#token = token;
    this.#requestId = requestId;
  }

  /** Rows of a table or view. Name amounts as `column::text`: a JavaScript number would lose digits. */
  async select<T = Row>(relation: string, query: Query): Promise<T[]> {
    const rows = await this.#json("GET", `${relation}?${written(query)}`) as (T & Row)[];
    return trimmed(rows, asked(query));
  }

  /** Inserts one row and returns it. */
  async insert<T = Row>(relation: string, values: Row, select = "*"): Promise<T> {
    const rows = await this.#json("POST", `${relation}?${written({ select })}`, values, "return=representation") as (T & Row)[];
    return trimmed(rows, select)[0] as T;
  }

  /** Changes the rows that the query names; returns them. */
  async update<T = Row>(relation: string, query: Query, values: Row): Promise<T[]> {
    const rows = await this.#json("PATCH", `${relation}?${written(query)}`, values, "return=representation") as (T & Row)[];
    return trimmed(rows, asked(query));
  }

  /** Calls a ledger function; undefined where it returns nothing. */
  async call<T = unknown>(name: string, args: Row = {}): Promise<T> {
    return await this.#json("POST", `rpc/${name}`, args) as T;
  }

  async #json(method: string, path: string, body?: unknown, prefer?: string): Promise<unknown> {
    let answer: Response;
    let text: string;
    try {
      answer = await fetch(`${Deno.env.get("SUPABASE_URL")}/rest/v1/${path}`, {
        method,
        headers: {
          apikey: Deno.env.get("SUPABASE_ANON_KEY") ?? "",
          Authorization: `Bearer ${this.#token}`,
          "X-Request-Id": this.#requestId,
          ...(body === undefined ? {} : { "Content-Type": "application/json" }),
          ...(prefer ? { Prefer: prefer } : {}),
        },
        ...(body === undefined ? {} : { body: JSON.stringify(body) }),
        signal: AbortSignal.timeout(WAIT_MS),
      });
      text = await answer.text();
    } catch (error) {
      throw new Unreachable(`${method} ${path.split("?")[0]}: ${error instanceof Error ? error.message : String(error)}`);
    }
    if (answer.ok) return text === "" ? undefined : JSON.parse(text);
    throw refusal(answer.status, text, path);
  }
}

function asked({ select }: Query): string {
  return typeof select === "string" ? select : "";
}

function written(query: Query): string {
  const parameters = new URLSearchParams();
  for (const [name, value] of Object.entries(query)) {
    for (const one of typeof value === "string" ? [value] : value ?? []) parameters.append(name, one);
  }
  return parameters.toString();
}

function refusal(status: number, text: string, path: string): Error {
  let said: { code?: string; message?: string; details?: string | null; hint?: string | null };
  try {
    said = JSON.parse(text);
  } catch {
    return new Unreachable(`${path.split("?")[0]}: answered ${status} without a reason`);
  }
  if (status >= 500) return new Unreachable(`${path.split("?")[0]}: ${said.code ?? status} ${said.message ?? ""}`);
  const message = said.message ?? "";
  const state = said.code ?? "";
  // A function or column that PostgREST does not know: ours is newer than its schema, or wrong. No row is missing.
  if (/^PGRST20/.test(state)) return new Unreachable(`${path.split("?")[0]}: ${state} ${message}`);
  // The ledger says "CODE: key=value"; what Postgres says itself has no such head.
  const code = /^([A-Z][A-Z0-9_]+)(?::|$)/.exec(message)?.[1];
  if (code) return new Refused(status, code, message, said.hint ?? "", numbersOf(said.details), state);
  const [ownStatus, ownCode] = OWN_WORDS.find(([states]) => states.test(state))?.slice(1) as [number, string] | undefined ?? [status, "REFUSED"];
  return new Refused(ownStatus, ownCode, message, said.hint ?? "", {}, state);
}

/** What Postgres says itself, by SQLSTATE: a value that its type or a constraint does not take is the sender's to mend. */
const OWN_WORDS: readonly [RegExp, number, string][] = [
  [/^(?:22|23502|23514|21)/, 422, "MALFORMED"],
  [/^23505/, 409, "ALREADY_THERE"],
  [/^23503/, 409, "REFERENCE_REFUSED"],
  [/^42501/, 403, "NOT_ALLOWED"],
  [/^PGRST30/, 401, "NOT_SIGNED_IN"],
];

function numbersOf(details: string | null | undefined): Record<string, unknown> {
  try {
    const read: unknown = JSON.parse(details ?? "{}");
    return typeof read === "object" && read !== null && !Array.isArray(read) ? read as Record<string, unknown> : {};
  } catch {
    return {};
  }
}
