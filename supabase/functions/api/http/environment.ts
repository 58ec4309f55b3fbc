/** What a request carries along: who asks, how the ledger is reached for them, and the id under which it is logged. */
import { OpenAPIHono } from "@hono/zod-openapi";
import type { Caller } from "../../_shared/caller.ts";
import type { Rest } from "../../_shared/rest.ts";

export interface Environment {
  Variables: {
    requestId: string;
    caller: Caller;
    /** PostgREST under the caller's own token. */
    ledger: Rest;
    /** The request was found malformed before its handler was asked: nothing was done. */
    malformed?: true;
  };
}

export type Api = OpenAPIHono<Environment>;
