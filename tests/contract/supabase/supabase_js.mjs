// Runs real supabase-js against the gateway and prints one JSON object: what each call came back with.
// Arguments: address, anon key, service key, token of fn_risk. Python asserts on what is printed.
import { createHmac } from "node:crypto";
import { createRequire } from "node:module";

const { createClient } = createRequire(process.env.LOCAL_PACKAGES)("@supabase/supabase-js");
const [url, anonKey, serviceKey, riskToken] = process.argv.slice(2);
const options = { auth: { persistSession: false, autoRefreshToken: false } };
const anonymous = () => createClient(url, anonKey, options);
const admin = createClient(url, serviceKey, options);
const risk = createClient(url, anonKey, { ...options, accessToken: async () => riskToken });

const seen = {};
const rest = ({ data, error, status, count }) => ({ data, error: error && { ...error }, status, count });
const failed = (error) => (error ? { message: error.message, code: error.code ?? error.statusCode, status: error.status } : null);
const claimsOf = (session) => JSON.parse(Buffer.from(session.access_token.split(".")[1], "base64url").toString());

// RFC 6238, as an authenticator app does it.
function code(secret, step = Math.floor(Date.now() / 30000)) {
  const bits = [...secret].map((letter) => "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567".indexOf(letter).toString(2).padStart(5, "0")).join("");
  const counter = Buffer.alloc(8);
  counter.writeBigUInt64BE(BigInt(step));
  const mac = createHmac("sha1", Buffer.from(bits.match(/.{8}/g).map((byte) => parseInt(byte, 2)))).update(counter).digest();
  return String((mac.readUInt32BE(mac[19] & 15) & 0x7fffffff) % 1_000_000).padStart(6, "0");
}
function wrong(secret) {
  const step = Math.floor(Date.now() / 30000);
  const near = [-2, -1, 0, 1, 2].map((away) => code(secret, step + away));
  return ["000000", "111111", "222222", "333333", "444444", "555555"].find((guess) => !near.includes(guess));
}

// Auth: two users, one by sign-up, one by the admin API.
const ann = anonymous();
const signUp = await ann.auth.signUp({ email: "ann@example.com", password: "password-1", options: { data: { display_name: "Ann" } } });
const annId = signUp.data.user.id;
seen.signUp = { error: failed(signUp.error), id: annId, claims: claimsOf(signUp.data.session), metadata: signUp.data.user.user_metadata };
seen.signUpAgain = failed((await anonymous().auth.signUp({ email: "ann@example.com", password: "password-1" })).error);
seen.weakPassword = failed((await anonymous().auth.signUp({ email: "weak@example.com", password: "short" })).error);
seen.profileFromTrigger = rest(await ann.from("profiles").select("display_name"));
const created = await admin.auth.admin.createUser({
  email: "bob@example.com", password: "password-2", email_confirm: true, user_metadata: { display_name: "Bob" }, app_metadata: { desk: "x" },
});
const bobId = created.data.user.id;
seen.adminCreate = { error: failed(created.error), user: created.data.user };
seen.adminCreateAgain = failed((await admin.auth.admin.createUser({ email: "bob@example.com", password: "password-2" })).error);
const updated = await admin.auth.admin.updateUserById(bobId, { app_metadata: { admin: true }, password: "password-3" });
seen.adminUpdate = { error: failed(updated.error), metadata: updated.data.user.app_metadata };
const listed = await admin.auth.admin.listUsers({ page: 1, perPage: 1 });
seen.adminList = { error: failed(listed.error), count: listed.data.users.length, total: listed.data.total, lastPage: listed.data.lastPage };
seen.adminAsUser = failed((await ann.auth.admin.listUsers()).error);
const bob = anonymous();
seen.oldPassword = failed((await bob.auth.signInWithPassword({ email: "bob@example.com", password: "password-2" })).error);
const signIn = await bob.auth.signInWithPassword({ email: "bob@example.com", password: "password-3" });
seen.signIn = { error: failed(signIn.error), claims: claimsOf(signIn.data.session), issued: { issuer: `${url}/auth/v1` } };
const refreshed = await bob.auth.refreshSession();
seen.refresh = { error: failed(refreshed.error), claims: claimsOf(refreshed.data.session), rotated: refreshed.data.session.refresh_token !== signIn.data.session.refresh_token };
seen.getUser = (await bob.auth.getUser()).data.user?.email;
const changed = await bob.auth.updateUser({ data: { theme: "dark" } });
seen.updateUser = { error: failed(changed.error), metadata: changed.data.user?.user_metadata };

// REST: rows, filters, embedding, counts, and what row-level security leaves of them.
const row = {
  user_id: annId, title: "first", price: "12345678901234567.0123456789", big: "9223372036854775807", meta: { a: [1, { b: "2.50" }] },
  tags: ["x", "y z"], raw: "\\x0102", local_time: "2026-11-22T06:55:02", created_at: "2026-11-22T06:55:02.5Z",
};
seen.insert = rest(await ann.from("notes").insert(row).select("*, price_text:price::text, big_text:big::text").single());
seen.insertMany = rest(await ann.from("notes").insert([{ user_id: annId, title: "text", meta: "a text" }, { user_id: annId, title: "list", meta: [true, 1] }]).select("title, meta"));
const noteId = seen.insert.data.id;
seen.comment = rest(await ann.from("comments").insert({ note_id: noteId, body: "seen" }));
seen.embed = rest(await ann.from("notes").select("title, comments(body)", { count: "exact" }).in("title", ["first", "text"]).order("title").limit(1));
seen.filters = rest(await ann.from("notes").select("title").gte("created_at", "2026-11-22T00:00:00Z").contains("tags", ["x"]).eq("meta->a->>0", "1").or("price.gt.1,price.is.null"));
seen.range = rest(await ann.from("notes").select("title").order("title").range(1, 2));
seen.head = rest(await ann.from("notes").select("*", { count: "exact", head: true }));
seen.none = rest(await ann.from("notes").select("title").eq("title", "nothing").maybeSingle());
seen.notOne = rest(await ann.from("notes").select("title").single());
seen.update = rest(await ann.from("notes").update({ price: "1.10", meta: { k: "v" } }).eq("id", noteId).select("price_text:price::text, meta"));
seen.upsert = rest(await ann.from("notes").upsert({ user_id: annId, title: "first", price: "2" }, { onConflict: "user_id,title" }).select("id, price_text:price::text"));
seen.csv = rest(await ann.from("notes").select("title, price").eq("title", "first").csv());
seen.bobSees = rest(await bob.from("notes").select("*"));
seen.bobInserts = rest(await bob.from("notes").insert({ user_id: annId, title: "not his" }));
seen.bobUpdates = rest(await bob.from("notes").update({ title: "taken" }).eq("id", noteId).select());
seen.bobDeletes = rest(await bob.from("notes").delete().eq("id", noteId).select());
seen.stillThere = rest(await ann.from("notes").select("title").eq("id", noteId));
seen.anonymousSelect = rest(await anonymous().from("notes").select("*"));
seen.closedTable = rest(await admin.from("closed").select("*"));
seen.duplicate = rest(await admin.from("notes").insert({ user_id: annId, title: "first" }));
seen.check = rest(await ann.from("notes").insert({ user_id: annId, title: "" }));
seen.foreignKey = rest(await admin.from("comments").insert({ note_id: "00000000-0000-0000-0000-000000000000", body: "x" }));
seen.missingTable = rest(await ann.from("note").select("*"));
seen.delete = rest(await ann.from("notes").delete().eq("title", "text").select("title"));

// Functions of Postgres.
seen.whoami = rest(await ann.rpc("whoami"));
seen.whoamiByGet = rest(await ann.rpc("whoami", {}, { get: true }));
seen.whoamiRisk = rest(await risk.rpc("whoami"));
seen.onlyForRisk = rest(await risk.rpc("only_for_risk", { amount: "1.10" }));
seen.onlyForRiskAsUser = rest(await ann.rpc("only_for_risk", { amount: "1.10" }));
seen.onlyForRiskAsNobody = rest(await anonymous().rpc("only_for_risk", { amount: "1.10" }));
seen.refused = rest(await ann.rpc("refuse", { state: "P0001", told: "LIMIT: most=5", about: "seven asked", advice: "ask for less" }));
seen.missingFunction = rest(await ann.rpc("no_such_function", { a: 1 }));
seen.values = rest(await ann.rpc("echo_values", { n: "1.10", b: "12", t: "2026-11-22T06:55:02.123456Z", j: { a: 1 }, x: "\\x01" }).single());
seen.void = rest(await ann.rpc("returns_void"));
seen.null = rest(await ann.rpc("returns_null"));
seen.text = rest(await ann.rpc("returns_text"));
seen.jsonKinds = [];
for (const payload of [{ a: 1 }, [1], "text", '{"looks": "like JSON"}', 5, true]) seen.jsonKinds.push((await ann.rpc("takes_json", { payload })).data);
seen.jsonRows = rest(await ann.rpc("takes_rows", { payload: [{ id: "1" }, { id: "2" }] }));
seen.array = rest(await ann.rpc("takes_array", { ids: [annId, bobId] }));

// Storage.
const bucket = admin.storage.from("papers");
seen.bucket = failed((await admin.storage.createBucket("papers", { public: false })).error);
const upload = await bucket.upload("a/report.txt", new Blob(["hello"], { type: "text/plain" }), { cacheControl: "60" });
seen.upload = { error: failed(upload.error), path: upload.data?.fullPath };
seen.uploadBytes = failed((await bucket.upload("a/raw.bin", Buffer.from([1, 2, 3]), { contentType: "application/octet-stream" })).error);
seen.uploadTwice = failed((await bucket.upload("a/report.txt", new Blob(["other"]))).error);
seen.replace = failed((await bucket.update("a/report.txt", new Blob(["hello again"], { type: "text/plain" }))).error);
seen.download = await (await bucket.download("a/report.txt")).data.text();
seen.downloadBytes = [...new Uint8Array(await (await bucket.download("a/raw.bin")).data.arrayBuffer())];
const signed = await bucket.createSignedUrl("a/report.txt", 60);
seen.signed = { error: failed(signed.error), text: await (await fetch(signed.data.signedUrl)).text() };
seen.signedForged = (await fetch(signed.data.signedUrl.replace("report.txt", "raw.bin"))).status;
seen.signedMany = (await bucket.createSignedUrls(["a/report.txt", "missing"], 60)).data.map(({ path, error, signedUrl }) => ({ path, failed: error !== null, signed: Boolean(signedUrl) }));
const ticket = await bucket.createSignedUploadUrl("a/late.txt");
const late = await anonymous().storage.from("papers").uploadToSignedUrl("a/late.txt", ticket.data.token, new Blob(["late"], { type: "text/plain" }));
seen.signedUpload = { error: failed(late.error ?? ticket.error), path: late.data?.fullPath };
seen.folders = (await bucket.list("")).data.map(({ name, id }) => ({ name, folder: id === null }));
seen.files = (await bucket.list("a", { sortBy: { column: "name", order: "desc" } })).data.map(({ name, metadata }) => [name, metadata.mimetype, metadata.size]);
seen.move = failed((await bucket.move("a/late.txt", "moved.txt")).error);
seen.copy = (await bucket.copy("moved.txt", "copied.txt")).data;
seen.exists = [(await bucket.exists("copied.txt")).data, (await bucket.exists("a/late.txt")).data];
seen.anonymousDownload = failed((await anonymous().storage.from("papers").download("copied.txt")).error);
seen.anonymousList = (await anonymous().storage.from("papers").list("")).data;
seen.userUpload = failed((await ann.storage.from("papers").upload("mine.txt", new Blob(["x"]))).error);
seen.climbing = failed((await bucket.upload("../../outside.txt", new Blob(["x"]))).error);
seen.remove = (await bucket.remove(["moved.txt", "copied.txt"])).data.length;

// The second factor.
const cleo = anonymous();
await cleo.auth.signUp({ email: "cleo@example.com", password: "password-4" });
const other = anonymous();
await other.auth.signInWithPassword({ email: "cleo@example.com", password: "password-4" });
const enrolled = await cleo.auth.mfa.enroll({ factorType: "totp", friendlyName: "phone", issuer: "AgentTrader" });
const { totp, id: factorId } = enrolled.data;
seen.enroll = { error: failed(enrolled.error), uri: totp.uri, secret: totp.secret, image: totp.qr_code.slice(0, 30) };
seen.enrollAgain = failed((await cleo.auth.mfa.enroll({ factorType: "totp", friendlyName: "phone" })).error);
seen.unverified = (await cleo.auth.mfa.listFactors()).data;
seen.levelBefore = (await cleo.auth.mfa.getAuthenticatorAssuranceLevel()).data;
const challenge = await cleo.auth.mfa.challenge({ factorId });
seen.challenge = { error: failed(challenge.error), type: challenge.data?.type };
seen.wrongCode = failed((await cleo.auth.mfa.verify({ factorId, challengeId: challenge.data.id, code: wrong(totp.secret) })).error);
const proven = await cleo.auth.mfa.verify({ factorId, challengeId: challenge.data.id, code: code(totp.secret) });
seen.verified = { error: failed(proven.error), claims: claimsOf(proven.data), factors: proven.data.user.factors.map(({ status }) => status) };
seen.challengeUsed = failed((await cleo.auth.mfa.verify({ factorId, challengeId: challenge.data.id, code: code(totp.secret) })).error);
seen.levelAfter = (await cleo.auth.mfa.getAuthenticatorAssuranceLevel()).data;
seen.refreshedLevel = claimsOf((await cleo.auth.refreshSession()).data.session);
seen.lowerSessionEnded = failed((await other.auth.refreshSession()).error);
const late2 = anonymous();
await late2.auth.signInWithPassword({ email: "cleo@example.com", password: "password-4" });
seen.levelOfNext = (await late2.auth.mfa.getAuthenticatorAssuranceLevel()).data;
seen.strangersFactor = failed((await ann.auth.mfa.challenge({ factorId })).error);
seen.passwordWithoutFactor = failed((await late2.auth.updateUser({ password: "password-5" })).error);
seen.unenrollWithoutFactor = failed((await late2.auth.mfa.unenroll({ factorId })).error);
seen.enrollWithoutFactor = failed((await late2.auth.mfa.enroll({ factorType: "totp", friendlyName: "tablet" })).error);
seen.stepUp = failed((await late2.auth.mfa.challengeAndVerify({ factorId, code: code(totp.secret) })).error);
seen.passwordWithFactor = failed((await late2.auth.updateUser({ password: "password-5" })).error);
seen.endedByPassword = failed((await cleo.auth.refreshSession()).error);
seen.unenroll = failed((await late2.auth.mfa.unenroll({ factorId })).error);
seen.levelUnenrolled = claimsOf((await late2.auth.refreshSession()).data.session);
seen.keys = await (await fetch(`${url}/auth/v1/.well-known/jwks.json`)).json();

// Edge functions, and the end of a session.
const health = await ann.functions.invoke("health");
seen.edge = { error: failed(health.error), body: health.data };
seen.edgeMissing = (await ann.functions.invoke("no-such-function")).error?.context?.status;
seen.signOut = failed((await bob.auth.signOut()).error);
seen.afterSignOut = failed((await anonymous().auth.refreshSession({ refresh_token: refreshed.data.session.refresh_token })).error);
seen.deleteOwner = failed((await admin.auth.admin.deleteUser(annId)).error);
seen.adminDelete = failed((await admin.auth.admin.deleteUser(bobId)).error);
seen.adminGone = failed((await admin.auth.admin.getUserById(bobId)).error);

console.log(JSON.stringify(seen));
process.exit(0);
