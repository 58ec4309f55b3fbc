// Loads one address with autocannon and prints what each request took. Argument: one JSON object with url, method,
// headers, connections, seconds, and where it acts `body` and `counted`: the names, split by points, whose values are
// made new for every request.
import { createRequire } from "node:module";

const autocannon = createRequire(process.env.LOCAL_PACKAGES)("autocannon");
const { url, method, headers, connections, seconds, body, counted = [], keyed = null } = JSON.parse(process.argv[2]);
const run = `${process.pid}-${Date.now()}`;
let number = 0;

function fresh(request) {
  number += 1;
  const written = structuredClone(body);
  for (const { name, from, step, places } of counted) {
    const parts = name.split(".");
    const last = parts.pop();
    const place = parts.reduce((object, part) => object[part], written);
    place[last] = step === undefined ? `${run}-${number}` : (from + step * number).toFixed(places);
  }
  const own = keyed === null ? {} : { [keyed]: `${run}-${number}` };
  return { ...request, headers: { ...request.headers, ...own }, body: JSON.stringify(written) };
}

const request = { method, headers, ...(body === undefined ? {} : { setupRequest: fresh }) };
const taken = [];
const statuses = {};
const instance = autocannon({ url, connections, duration: seconds, requests: [request], timeout: 30 });
instance.on("response", (_client, status, _bytes, milliseconds) => {
  statuses[status] = (statuses[status] ?? 0) + 1;
  taken.push(milliseconds);
});
instance.on("done", ({ duration, errors, timeouts }) => console.log(JSON.stringify({ taken, statuses, duration, errors: errors + timeouts })));
