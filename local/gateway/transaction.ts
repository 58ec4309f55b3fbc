import type postgres from "postgres";

/** Runs `work` in one transaction. (postgres.js types a transaction as something that cannot be called as a tag; it can.) */
export async function inTransaction<T>(sql: postgres.Sql, work: (tx: postgres.Sql) => Promise<T>): Promise<T> {
  return (await sql.begin((tx) => work(tx as unknown as postgres.Sql))) as T;
}
