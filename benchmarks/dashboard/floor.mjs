// A bare subscription of supabase-js to a person's topic, in Node: notes when each message about a position came.
// Standard input: the settings as one line of JSON, then a line when to end. Standard output: "joined", then one JSON
// array of [wall clock in milliseconds, symbol, quantity].
import { createRequire } from "node:module";
import { createInterface } from "node:readline";

const { createClient } = createRequire(process.env.DASHBOARD_PACKAGES)("@supabase/supabase-js");

const origin = (() => {
  // What holds the process up between the two readings makes the sum too small, so the largest of some is the truest.
  const tick = () => {
    const before = Date.now();
    let now = before;
    while (now === before) now = Date.now();
    return now - performance.now();
  };
  return Math.max(...Array.from({ length: 10 }, tick));
})();
const lines = createInterface({ input: process.stdin })[Symbol.asyncIterator]();
const { url, key, token, user } = JSON.parse((await lines.next()).value);
const arrived = [];
const note = (position) => {
  if (position) arrived.push([origin + performance.now(), position.symbol, Number(position.quantity)]);
};
const client = createClient(url, key, { accessToken: async () => token });
await client.realtime.setAuth();
await new Promise((resolve, reject) => {
  client
    .channel(`user:${user}`, { config: { private: true } })
    .on("broadcast", { event: "fills" }, ({ payload }) => { note(payload.position); })
    .on("broadcast", { event: "position_books" }, ({ payload }) => { note(payload.row); })
    .subscribe((status, error) => {
      if (status === "SUBSCRIBED") resolve();
      else reject(new Error(`the topic was not joined: ${status} ${error?.message ?? ""}`));
    });
});
process.stdout.write("joined\n");
await lines.next();
// A pipe takes 64 kB at once: it ends when all of it was taken.
process.stdout.write(`${JSON.stringify(arrived)}\n`, () => process.exit(0));
