// The server's connections to Postgres, as the superuser: every question about a caller is asked in the caller's role.

import postgres from "postgres";

export type Sql = postgres.Sql;

// Rows from the log are compared with values from queries, so both sessions must print alike.
const SESSION = { TimeZone: "UTC", DateStyle: "ISO, MDY", IntervalStyle: "postgres", extra_float_digits: "1" };
const STATEMENT_TIMEOUT_MS = 5000;
const CONNECT_TIMEOUT_SECONDS = 5;

/** A pool for questions about callers. A query fails while Postgres is away; the next one connects again. */
export function openPool(url: string): Sql {
  return postgres(url, {
    max: 6,
    connect_timeout: CONNECT_TIMEOUT_SECONDS,
    onnotice: () => undefined,
    connection: { ...SESSION, application_name: "realtime", statement_timeout: STATEMENT_TIMEOUT_MS },
  });
}

/** One replication connection. `onClose` is called once when it ends, for whatever reason. */
export function openReplication(url: string, onClose: () => void): Sql {
  return postgres(url, {
    max: 1,
    fetch_types: false,
    idle_timeout: undefined,
    max_lifetime: null,
    connect_timeout: CONNECT_TIMEOUT_SECONDS,
    onnotice: () => undefined,
    onclose: onClose,
    connection: { ...SESSION, application_name: "realtime replication", replication: "database" },
  } as postgres.Options<Record<string, never>>);
}

/** Whether the error means that Postgres is away, not that it said no. */
export function isConnectionError(error: unknown): boolean {
  if (!(error instanceof Error)) return false;
  const code = (error as { code?: unknown }).code;
  return typeof code === "string" && (/^(E[A-Z]+|CONNECT.*|CONNECTION_.*)$/.test(code) || /^(08|57P0)/.test(code));
}
