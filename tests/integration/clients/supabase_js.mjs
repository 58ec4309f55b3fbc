// A trader who uses supabase-js: signs up, then sends what it is told, one JSON object a line, and prints what came back.
// Arguments: address, publishable key, e-mail address, password.
import { createRequire } from "node:module";
import { createInterface } from "node:readline";

const { createClient } = createRequire(process.env.LOCAL_PACKAGES)("@supabase/supabase-js");
const [url, key, email, password] = process.argv.slice(2);
const client = createClient(url, key, { auth: { persistSession: false, autoRefreshToken: false } });
const signedUp = await client.auth.signUp({ email, password });
if (signedUp.error) throw signedUp.error;
console.log(JSON.stringify({ user: signedUp.data.user.id }));

for await (const line of createInterface({ input: process.stdin })) {
  const { path, method, headers, body } = JSON.parse(line);
  const { data, error } = await client.functions.invoke(`api${path}`, { method, headers, ...(body === null ? {} : { body }) });
  if (!error) console.log(JSON.stringify({ data }));
  else console.log(JSON.stringify({ refused: await error.context.text() }));
}
