/** Storage's files in a folder of this machine: one file an object, its metadata beside it. */
import { createHash } from "node:crypto";
import { copyFile, mkdir, readFile, rename, rm, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";

interface ObjectMetadata {
  cacheControl: string;
  contentLength: number;
  size: number;
  mimetype: string;
  lastModified: Date;
  eTag: string;
  httpStatusCode: number;
}

interface Stored {
  cacheControl: string;
  mimetype: string;
  size: number;
  eTag: string;
  lastModified: string;
}

export class StorageFolder {
  readonly driver = null;
  readonly #root: string;

  constructor(root: string) {
    this.#root = root;
  }

  async uploadObject(
    bucket: string,
    key: string,
    _version: string | undefined,
    body: unknown,
    mimetype: string,
    cacheControl: string,
  ): Promise<ObjectMetadata> {
    const bytes = await readAll(body);
    const eTag = `"${createHash("sha256").update(bytes).digest("hex").slice(0, 32)}"`;
    const stored: Stored = { cacheControl, mimetype, size: bytes.length, eTag, lastModified: new Date().toISOString() };
    const path = this.#path(bucket, key);
    await writeWhole(path, bytes);
    await writeWhole(`${path}.json`, JSON.stringify(stored));
    return metadataOf(stored);
  }

  async getObject(bucket: string, key: string) {
    const path = this.#path(bucket, key);
    const [body, stored] = await Promise.all([readFile(path), readStored(path)]);
    return { body, metadata: metadataOf(stored), httpStatusCode: 200 };
  }

  async headObject(bucket: string, key: string): Promise<ObjectMetadata> {
    return metadataOf(await readStored(this.#path(bucket, key)));
  }

  async deleteObject(bucket: string, key: string): Promise<void> {
    const path = this.#path(bucket, key);
    await Promise.all([rm(path, { force: true }), rm(`${path}.json`, { force: true })]);
  }

  async deleteObjects(bucket: string, keys: string[]): Promise<void> {
    for (const key of keys) await this.deleteObject(bucket, key);
  }

  async copyObject(bucket: string, key: string, _version: string | undefined, toBucket: string, toKey: string) {
    const from = this.#path(bucket, key);
    const to = this.#path(toBucket, toKey);
    await mkdir(dirname(to), { recursive: true });
    await Promise.all([copyFile(from, to), copyFile(`${from}.json`, `${to}.json`)]);
    return metadataOf(await readStored(to));
  }

  privateAssetUrl(bucket: string, key: string): Promise<string> {
    return Promise.resolve(`file://${this.#path(bucket, key)}`);
  }

  // Names come from callers ("../../etc/passwd", names longer than a file's may be); a hash is always a safe file name.
  #path(bucket: string, key: string): string {
    const name = createHash("sha256").update(`${bucket}/${key}`).digest("hex");
    return join(this.#root, name.slice(0, 2), name);
  }
}

async function readAll(body: unknown): Promise<Buffer> {
  if (body instanceof Uint8Array) return Buffer.from(body);
  return Buffer.from(await new Response(body as ReadableStream).arrayBuffer());
}

// A killed gateway must not leave half a file under an object's name.
async function writeWhole(path: string, content: Buffer | string): Promise<void> {
  await mkdir(dirname(path), { recursive: true });
  const half = `${path}.${process.pid}.half`;
  await writeFile(half, content);
  await rename(half, path);
}

async function readStored(path: string): Promise<Stored> {
  return JSON.parse(await readFile(`${path}.json`, "utf8")) as Stored;
}

function metadataOf(stored: Stored): ObjectMetadata {
  return {
    cacheControl: stored.cacheControl,
    contentLength: stored.size,
    size: stored.size,
    mimetype: stored.mimetype,
    lastModified: new Date(stored.lastModified),
    eTag: stored.eTag,
    httpStatusCode: 200,
  };
}
