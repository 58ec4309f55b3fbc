/** Prints the OpenAPI document: `deno run supabase/functions/api/document.ts`. */
import { document } from "./app.ts";

console.log(JSON.stringify(document(), null, 2));
