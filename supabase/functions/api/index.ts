/** Serves the REST API under /functions/v1/api. */
import { app } from "./app.ts";

Deno.serve((request) => app.fetch(request));
