// What the dashboard does, with the real supabase-js: prints one JSON object per check.
// Arguments: the publishable key, two users' ids and tokens.

import { createRequire } from "node:module";

const fromLocal = createRequire(`${process.env.LOCAL}/package.json`);
const { createClient } = fromLocal("@supabase/supabase-js");
const postgres = fromLocal("postgres");
const [key, aliceId, aliceToken, bobId, bobToken] = process.argv.slice(2);
const sql = postgres(process.env.DATABASE_URL, { onnotice: () => undefined });

const clientOf = (token) => createClient(process.env.REALTIME_URL, key, { accessToken: async () => token });
const alice = clientOf(aliceToken);
const bob = clientOf(bobToken);
// Without this the first join may leave before the token is known, and a private channel is refused at first.
await Promise.all([alice.realtime.setAuth(), bob.realtime.setAuth()]);
const tell = (check, found) => console.log(JSON.stringify({ check, found }));

/** Resolves with the first status that is not TIMED_OUT, and the error's text. */
const subscribed = (channel) =>
  new Promise((resolve) => channel.subscribe((status, error) => resolve([status, error?.message ?? null])));

/** A promise and the callback that fulfils it. */
function once() {
  const { promise, resolve } = Promise.withResolvers();
  return [promise, resolve];
}

// Database broadcast on a private topic.
const [heard, onHeard] = once();
const own = alice.channel(`user:${aliceId}`, { config: { private: true, broadcast: { ack: true, self: true } } });
own.on("broadcast", { event: "tick" }, onHeard);
tell("private", await subscribed(own));
await sql`select realtime.send('{"price": "1.10"}', 'tick', ${`user:${aliceId}`})`;
const tick = await heard;
tell("database broadcast", { event: tick.event, price: tick.payload.price, hasId: typeof tick.meta?.id === "string" });

// The same topic for somebody else.
const theft = bob.channel(`user:${aliceId}`, { config: { private: true } });
tell("theft", await subscribed(theft));
await bob.removeChannel(theft);

// Client broadcast with acknowledgement, text and bytes.
const [echo, onEcho] = once();
own.on("broadcast", { event: "echo" }, onEcho);
tell("send", await own.send({ type: "broadcast", event: "echo", payload: { "ü": [1, 2] } }));
tell("echo", (await echo).payload);
const [bytes, onBytes] = once();
own.on("broadcast", { event: "bytes" }, onBytes);
await own.send({ type: "broadcast", event: "bytes", payload: new Uint8Array([0, 1, 255]).buffer });
tell("bytes", [...new Uint8Array((await bytes).payload)]);

// postgres_changes with row-level security.
const [change, onChange] = once();
const [leak, onLeak] = once();
const notes = { event: "INSERT", schema: "public", table: "notes" };
const mine = alice.channel("mine").on("postgres_changes", { ...notes, filter: "body=eq.js" }, onChange);
const theirs = bob.channel("theirs").on("postgres_changes", notes, onLeak);
tell("changes", await subscribed(mine));
await subscribed(theirs);
await sql`insert into notes (id, owner, amount, done, tags, body)
          values (900001, ${aliceId}, 1.5, true, '{a,b}', 'js'), (900002, ${bobId}, 2, false, null, 'js')`;
const { eventType, new: row } = await change;
tell("change", { eventType, id: row.id, amount: row.amount, done: row.done, tags: row.tags });
tell("only own row", (await leak).new.id);

// Presence between two users.
const here = (client, name) => client.channel("lobby", { config: { presence: { key: name } } });
const [both, onBoth] = once();
const aliceHere = here(alice, "alice").on("presence", { event: "sync" }, () => {
  if (Object.keys(aliceHere.presenceState()).length === 2) onBoth(Object.keys(aliceHere.presenceState()).sort());
});
const bobHere = here(bob, "bob").on("presence", { event: "sync" }, () => undefined);
await Promise.all([subscribed(aliceHere), subscribed(bobHere)]);
tell("track", [await aliceHere.track({ at: "desk" }), await bobHere.track({ at: "home" })]);
tell("presence", await both);

// Broadcast over HTTP by the client library.
const [posted, onPosted] = once();
own.on("broadcast", { event: "posted" }, onPosted);
const poster = alice.channel(`user:${aliceId}`, { config: { private: true } });
tell("http", await poster.httpSend("posted", { n: 1 }));
tell("posted", (await posted).payload);
const forbidden = bob.channel(`user:${aliceId}`, { config: { private: true } });
tell("http theft", await forbidden.httpSend("posted", { n: 2 }).then(() => "sent", (error) => error.message));

await sql.end();
process.exit(0);
