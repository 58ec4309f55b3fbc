/**
 * Keeps a cut connection from being used again, and does not wait for what only prepares a request's own statement.
 *
 * postgres.js puts a reserved connection back among the open ones when it is released, also when it was cut meanwhile;
 * the next write on it (kysely's ROLLBACK, another request) then fails outside of any promise, and waits for ever.
 *
 * BEGIN and the settings of a request (claims, role, method) go out together with the statement that follows: each
 * awaited alone would be a journey more, and a ledger call is mostly journeys. Where one fails, so does what follows, and
 * its reason is told there. The settings' statements are prepared once per connection, which spares describing them.
 */
import type postgres from "postgres";
import { isLostConnection, isPostgresError } from "./sqlstate.ts";

/** Makes the pool's reserved connections refuse further statements, and stay out of the pool, once they were cut. */
export function guardPool(pool: postgres.Sql): void {
  const reserve = pool.reserve.bind(pool);
  pool.reserve = async () => {
    const reserved = await reserve();
    let cut: Error | undefined;
    let unprepared: Error | undefined;
    const unsafe = reserved.unsafe.bind(reserved);
    reserved.unsafe = ((text: string, parameters?: never[], options?: postgres.UnsafeQueryOptions) => {
      if (cut) return Promise.reject(cut);
      if (text === "begin") unprepared = undefined;
      const settings = SETTINGS.test(text);
      const query = unsafe(text, parameters, settings ? { ...options, prepare: true } : options);
      const done = query.catch((error: unknown) => {
        if (error instanceof Error && isCut(error)) cut = error;
        // What follows a statement that failed only says that the transaction is aborted.
        if (unprepared && error instanceof Error && isAborted(error)) throw unprepared;
        if (settings && error instanceof Error) unprepared ??= error;
        throw error;
      });
      if (text !== "begin" && !settings) return done;
      done.catch(() => undefined);
      return Promise.resolve(Object.assign([], { count: 0, command: "SELECT" }));
    }) as typeof reserved.unsafe;
    const release = reserved.release.bind(reserved);
    reserved.release = () => {
      if (!cut) release();
    };
    return reserved;
  };
}

const SETTINGS = /^\s*select set_config\(/;

/** in_failed_sql_transaction */
function isAborted(error: Error): boolean {
  return isPostgresError(error) && error.code === "25P02";
}

function isCut(error: Error): boolean {
  return isLostConnection(error) || (isPostgresError(error) && (error as { severity?: string }).severity === "FATAL");
}

/** True for the fault above where it happened all the same: a connection cut between two statements of a transaction. */
export function isWriteAfterCut(error: unknown): boolean {
  return error instanceof TypeError && error.message.includes("reading 'write'") && (error.stack ?? "").includes("postgres/src/connection.js");
}
