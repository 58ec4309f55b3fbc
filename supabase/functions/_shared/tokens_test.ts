import { deepEqual, equal, ok, rejects } from "node:assert/strict";
import { callerOf, identify, NotSignedIn } from "./caller.ts";
import { keyPair, personToken, Project, SECRET, unsigned } from "./testing/project.ts";
import { BadToken, checked, KeysUnreachable, signed } from "./tokens.ts";

const project = new Project();
const genuine = await keyPair("genuine");
const foreign = await keyPair("genuine");
project.keys = () => Response.json({ keys: [genuine.jwk] });
const ago = (seconds: number) => Math.floor(Date.now() / 1000) - seconds;

/** The key of the token's public half, as text: what a library that is led astray takes for an HS256 secret. */
const confused = await personToken({}, JSON.stringify(genuine.jwk));

Deno.test("checked when Auth does not give its keys then it is no fault of the token", async () => {
  // First, while no key set is kept.
  project.keys = () => new Response("gone", { status: 500 });
  await rejects(genuine.token().then(checked), KeysUnreachable);
  project.keys = () => new Response("<html>");
  await rejects(genuine.token().then(checked), KeysUnreachable);
  project.keys = () => Response.json({ keys: [genuine.jwk] });
});

Deno.test("checked when the token is of the project then its claims are given", async () => {
  equal((await checked(await personToken())).role, "authenticated");
  equal((await checked(await genuine.token())).email, "a@example.com");
});

const REFUSED: Record<string, () => string | Promise<string>> = {
  "says alg none": () => unsigned({ alg: "none" }, {}),
  "says alg none in capitals": () => unsigned({ alg: "NONE" }, {}, "abc"),
  "is signed by nobody": () => unsigned({ alg: "HS256" }, {}),
  "is signed with another secret": () => personToken({}, "another-secret-that-is-long-enough-for-hs256"),
  "is signed with the right secret by another algorithm": () => personToken({}, SECRET, "HS512"),
  "takes the public key for a secret": () => confused,
  "is signed with another key of the same name": () => foreign.token(),
  "has expired": () => personToken({ exp: ago(31) }),
  "has expired, signed with a key": () => genuine.token({ exp: ago(31) }),
  "never ends": () => personToken({ exp: undefined }),
  "is not valid yet": () => personToken({ nbf: ago(-90) }),
  "is cut": async () => (await personToken()).slice(0, -8),
  "has two parts": async () => (await personToken()).split(".").slice(0, 2).join("."),
  "is a word": () => "sesame",
};
for (const [what, token] of Object.entries(REFUSED)) {
  Deno.test(`checked when the token ${what} then BadToken`, async () => {
    await rejects(async () => checked(await token()), BadToken);
  });
}

Deno.test("checked when a token has expired by seconds that clocks differ then it is still taken", async () => {
  ok(await checked(await personToken({ exp: ago(10) })));
});

Deno.test("checked when a known token expires then BadToken", async () => {
  // The clock is moved, not waited for.
  const token = await personToken({ exp: ago(-5) });
  ok(await checked(token));
  const now = Date.now;
  Date.now = () => now() + 60_000;
  try {
    await rejects(checked(token), BadToken);
  } finally {
    Date.now = now;
  }
});

Deno.test("checked when the project has no secret then HS256 is not believed", async () => {
  Deno.env.delete("AGENTTRADER_JWT_SECRET");
  try {
    await rejects(async () => checked(await personToken({ email: "not kept" })), BadToken);
  } finally {
    Deno.env.set("AGENTTRADER_JWT_SECRET", SECRET);
  }
});

Deno.test("signed when the project has a key then the token is of that key, else of the secret", async () => {
  Deno.env.set("AGENTTRADER_SIGNING_KEY", JSON.stringify(genuine.privateJwk));
  try {
    const token = await signed({ role: "fn_api" }, 60);
    deepEqual(JSON.parse(atob(token.split(".")[0] ?? "")), { alg: "ES256", typ: "JWT", kid: "genuine" });
    equal((await checked(token)).role, "fn_api");
  } finally {
    Deno.env.delete("AGENTTRADER_SIGNING_KEY");
  }
  equal(JSON.parse(atob((await signed({ role: "fn_api" }, 60)).split(".")[0] ?? "")).alg, "HS256");
});

for (const role of ["anon", "service_role", "fn_api", "fn_execute", "postgres", "administrator"]) {
  Deno.test(`callerOf when the token is of role ${role} then NotSignedIn`, async () => {
    const request = new Request("http://api", { headers: { Authorization: `Bearer ${await personToken({ role })}` } });
    await rejects(identify(request), NotSignedIn);
  });
}

Deno.test("callerOf when the token is of nobody then NotSignedIn", async () => {
  const request = new Request("http://api", { headers: { Authorization: `Bearer ${await personToken({ sub: undefined })}` } });
  await rejects(identify(request), NotSignedIn);
});

Deno.test("callerOf when a person writes of themselves that they administrate then they do not", () => {
  // Everybody writes their own user_metadata; app_metadata is the project's.
  const claims = { sub: "a", role: "authenticated", administrator: true, user_metadata: { administrator: true }, app_metadata: { administrator: "true" } };
  equal(callerOf(claims, "token").administrator, false);
  equal(callerOf({ ...claims, app_metadata: { administrator: true } }, "token").administrator, true);
});

for (const header of [null, "", "Bearer", "Bearer ", "Basic YTpi", "Bearer a b", "bearer\tx y"]) {
  Deno.test(`identify when the Authorization header is ${JSON.stringify(header)} then NotSignedIn`, async () => {
    await rejects(identify(new Request("http://api", header === null ? {} : { headers: { Authorization: header } })), NotSignedIn);
  });
}

Deno.test("the project of the tests is stopped", () => project.stop());
