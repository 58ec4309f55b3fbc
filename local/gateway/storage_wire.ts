/** Storage's wire format, where lite and the clients disagree: multipart uploads, signed addresses, folder listings. */
import type postgres from "postgres";
import type { Caller } from "./caller.ts";
import { json } from "./replies.ts";
import { isPostgresError } from "./sqlstate.ts";
import { inTransaction } from "./transaction.ts";

const PREFIX = "/storage/v1";

/**
 * The upload as lite takes it: the bare bytes. storage-js and storage3 send a form whose file part has no name (or the
 * name "file"), with cacheControl and metadata beside it.
 */
export async function asPlainUpload(request: Request): Promise<Request> {
  if (!request.headers.get("content-type")?.startsWith("multipart/form-data")) return request;
  // eslint-disable-next-line @typescript-eslint/no-deprecated -- bodies here are bounded and already in memory; streaming parsers gain nothing
  const form = await request.formData();
  const file = [...form.values()].find((value) => typeof value !== "string");
  if (!file) return request;
  const bytes = await file.arrayBuffer();
  const headers = new Headers(request.headers);
  headers.set("content-type", file.type || "application/octet-stream");
  headers.set("content-length", String(bytes.byteLength));
  const cacheControl = form.get("cacheControl");
  if (typeof cacheControl === "string") headers.set("cache-control", `max-age=${cacheControl}`);
  return new Request(request.url, { method: request.method, headers, body: bytes });
}

/** lite's answer with the names the clients read: `signedURL` and `url` relative to the storage root, `Key` with its bucket. */
export async function withClientNames(request: Request, response: Response): Promise<Response> {
  const path = new URL(request.url).pathname;
  if (!response.ok) return withErrorCode(response);
  if (request.method === "POST" && /^\/storage\/v1\/object\/(upload\/)?sign\//.test(path)) {
    return json(response.status, rename((await response.json()) as Signed));
  }
  const uploaded = /^\/storage\/v1\/object\/upload\/sign\/(.+)$/.exec(path)?.[1];
  return request.method === "PUT" && uploaded ? json(response.status, { Key: decodeURIComponent(uploaded) }) : response;
}

const ERROR_CODES: Record<string, string> = {
  "Bucket not found": "NoSuchBucket",
  not_found: "NoSuchKey",
  Duplicate: "KeyAlreadyExists",
  "Invalid key": "InvalidKey",
  "Payload too large": "EntityTooLarge",
  invalid_mime_type: "InvalidMimeType",
  Unauthorized: "AccessDenied",
  InvalidJWT: "InvalidJWT",
};

/** lite's error with the code by which the clients tell errors apart. */
async function withErrorCode(response: Response): Promise<Response> {
  if (!response.headers.get("content-type")?.includes("json")) return response;
  const body = (await response.json()) as { error?: string };
  return json(response.status, { ...body, code: ERROR_CODES[body.error ?? ""] ?? body.error });
}

/** A copy's answer: the new object's key with its bucket. */
export async function withCopiedKey(copy: { bucketId?: string; destinationBucket?: string }, response: Response): Promise<Response> {
  if (!response.ok) return withErrorCode(response);
  const { key } = (await response.json()) as { key: string };
  return json(response.status, { Id: null, Key: `${copy.destinationBucket ?? copy.bucketId ?? ""}/${key}`, key });
}

/** Signs many paths of a bucket: one that is missing has its own error and leaves the others signed. */
export async function signMany(
  request: Request,
  { paths = [], expiresIn }: { paths?: string[]; expiresIn?: number },
  sign: (request: Request) => Promise<Response>,
): Promise<Response> {
  const signed = await Promise.all(
    paths.map(async (path) => {
      const address = `${request.url}/${path.split("/").map(encodeURIComponent).join("/")}`;
      const response = await sign(new Request(address, { method: "POST", headers: request.headers, body: JSON.stringify({ expiresIn }) }));
      const body = (await response.json()) as Signed & { message?: string };
      if (!response.ok) return { path, signedURL: null, error: "Either the object does not exist or you do not have access to it" };
      return { path, ...rename(body), error: null };
    }),
  );
  return json(200, signed);
}

interface Signed {
  signedUrl?: string;
  token?: string;
  path?: string;
  error?: string | null;
}

function rename({ signedUrl, ...rest }: Signed) {
  const relative = signedUrl ? signedUrl.replace(PREFIX, "") : null;
  return rest.token === undefined ? { ...rest, signedURL: relative } : { ...rest, url: relative };
}

interface ListQuery {
  prefix?: string;
  limit?: number;
  offset?: number;
  search?: string;
  sortBy?: { column?: string; order?: string };
}

const SORT_COLUMNS = new Set(["name", "created_at", "updated_at", "last_accessed_at"]);

/** Lists one folder: its files, and its sub-folders as rows without id, as hosted; row-level security decides what is seen. */
export async function listFolder(bucket: string, query: ListQuery, caller: Caller, sql: postgres.Sql): Promise<Response> {
  const prefix = query.prefix && !query.prefix.endsWith("/") ? `${query.prefix}/` : (query.prefix ?? "");
  const column = query.sortBy?.column ?? "name";
  if (!SORT_COLUMNS.has(column)) {
    return json(400, { statusCode: "400", error: "invalid_request", message: `cannot sort by ${column}; expected one of ${[...SORT_COLUMNS].join(", ")}` });
  }
  const descending = query.sortBy?.order === "desc";
  try {
    const rows = await inTransaction(sql, async (tx) => {
      const { role, sub } = caller.claims;
      await tx`select set_config('request.jwt.claims', ${JSON.stringify(caller.claims)}, true),
        set_config('request.jwt.claim.sub', ${typeof sub === "string" ? sub : ""}, true), set_config('request.jwt.claim.role', ${role}, true),
        set_config('storage.operation', 'storage.object.list', true), set_config('role', ${role}, true)`;
      return tx`
        with visible as (
          select o.*, substr(o.name, ${prefix.length + 1}::int) as rest from storage.objects o
          where o.bucket_id = ${bucket} and starts_with(o.name, ${prefix})
        ), entries as (
          select rest as name, id, updated_at, created_at, last_accessed_at, metadata from visible where position('/' in rest) = 0
          union all
          select distinct split_part(rest, '/', 1), null::uuid, null::timestamptz, null::timestamptz, null::timestamptz, null::jsonb
          from visible where position('/' in rest) > 0
        )
        select * from entries where name ilike ${`%${query.search ?? ""}%`}
        order by ${tx(column)} ${descending ? tx`desc` : tx`asc`} nulls first, name
        limit ${query.limit ?? 100} offset ${query.offset ?? 0}`;
    });
    return json(200, rows);
  } catch (error) {
    if (!isPostgresError(error)) throw error;
    return json(400, { statusCode: error.code === "42501" ? "403" : "400", error: error.code, message: error.message });
  }
}
