/**
 * Keeps a cut connection from being used again.
 *
 * postgres.js puts a reserved connection back among the open ones when it is released, also when it was cut meanwhile;
 * the next write on it (kysely's ROLLBACK, another request) then fails outside of any promise, and waits for ever.
 */
import type postgres from "postgres";
import { isLostConnection, isPostgresError } from "./sqlstate.ts";

/** Makes the pool's reserved connections refuse further statements, and stay out of the pool, once they were cut. */
export function guardPool(pool: postgres.Sql): void {
  const reserve = pool.reserve.bind(pool);
  pool.reserve = async () => {
    const reserved = await reserve();
    let cut: Error | undefined;
    const unsafe = reserved.unsafe.bind(reserved);
    reserved.unsafe = ((text: string, parameters?: never[], options?: postgres.UnsafeQueryOptions) => {
      if (cut) return Promise.reject(cut);
      const query = unsafe(text, parameters, options);
      query.catch((error: unknown) => {
        if (error instanceof Error && isCut(error)) cut = error;
      });
      return query;
    }) as typeof reserved.unsafe;
    const release = reserved.release.bind(reserved);
    reserved.release = () => {
      if (!cut) release();
    };
    return reserved;
  };
}

function isCut(error: Error): boolean {
  return isLostConnection(error) || (isPostgresError(error) && (error as { severity?: string }).severity === "FATAL");
}

/** True for the fault above where it happened all the same: a connection cut between two statements of a transaction. */
export function isWriteAfterCut(error: unknown): boolean {
  return error instanceof TypeError && error.message.includes("reading 'write'") && (error.stack ?? "").includes("postgres/src/connection.js");
}
