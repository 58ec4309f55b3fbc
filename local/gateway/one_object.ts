/**
 * One transaction, one outcome: what PostgREST promises about an answer that is an error, and lite does not keep.
 *
 * A request whose answer is an error leaves nothing behind; and a caller who asked for a single object
 * (Accept: application/vnd.pgrst.object+json) gets an object or an error, also after a write with casts or embeds.
 */
import { AsyncLocalStorage } from "node:async_hooks";
import { AnsweredError } from "./sqlstate.ts";

const wantsOne = new AsyncLocalStorage<boolean>();

/** Serves a request with its wish for a single object known to the transaction. */
export function servedWithWish<T>(request: Request, serve: () => Promise<T>): Promise<T> {
  return wantsOne.run(request.headers.get("accept")?.includes("application/vnd.pgrst.object") ?? false, serve);
}

class RolledBack extends Error {
  readonly answer: Response;

  constructor(answer: Response) {
    super("the answer is an error");
    this.answer = answer;
  }
}

/** Runs `transaction` so that an error answer made in it rolls it back. */
export async function allOrNothing<T>(transaction: (check: (answer: T) => Promise<T>) => Promise<T>): Promise<T> {
  try {
    return await transaction(async (answer) => {
      if (!(answer instanceof Response)) return answer;
      if (answer.status >= 400) throw new RolledBack(answer);
      return (await asOne(answer)) as T;
    });
  } catch (error) {
    if (error instanceof RolledBack) return error.answer as T;
    throw error;
  }
}

async function asOne(answer: Response): Promise<Response> {
  if (wantsOne.getStore() !== true || !answer.headers.get("content-type")?.startsWith("application/json")) return answer;
  const text = await answer.text();
  const headers = new Headers(answer.headers);
  headers.delete("content-length");
  if (!text.startsWith("[")) return new Response(text, { status: answer.status, headers });
  const rows = JSON.parse(text) as unknown[];
  if (rows.length !== 1) {
    throw new AnsweredError(406, {
      code: "PGRST116",
      message: "Cannot coerce the result to a single JSON object",
      details: `The result contains ${rows.length} rows`,
      hint: null,
    });
  }
  headers.set("content-type", "application/vnd.pgrst.object+json; charset=utf-8");
  // Cutting the brackets off keeps every digit as it is; parsing and printing would not.
  return new Response(text.trim().slice(1, -1), { status: answer.status, headers });
}
