/** One edge function: its worker, and the requests handed to it. */

/** A function that has not begun to listen by then has a fault at its top level. */
const START_MS = 15_000;
/** The hosted limit of one request. */
const REQUEST_MS = 150_000;
/** What `fetch` refuses to send, here as on the platform. */
const FORBIDDEN = new Set(["CONNECT", "TRACE", "TRACK"]);

interface Started {
  worker: Worker;
  port: number;
}

export class EdgeFunction {
  readonly #name: string;
  readonly #file: string;
  #started: Promise<Started> | undefined;

  constructor(name: string, file: string) {
    this.#name = name;
    this.#file = file;
  }

  /** The function's answer to the request at `path`; 500 where it cannot start, 502 where it died with the request, 504 where it took too long. */
  async answer(request: Request, path: string): Promise<Response> {
    this.#started ??= this.#start();
    let started: Started;
    try {
      started = await this.#started;
    } catch (error) {
      this.#started = undefined;
      const message = `The function ${this.#name} does not start: ${error instanceof Error ? error.message : String(error)}`;
      console.error(`edge: ${message}`);
      return Response.json({ code: "BOOT_ERROR", message }, { status: 500 });
    }
    if (FORBIDDEN.has(request.method)) {
      const message = `${request.method} is handed to no function.`;
      return Response.json({ code: "BAD_METHOD", message }, { status: 405, headers: { Allow: "DELETE, GET, HEAD, OPTIONS, PATCH, POST, PUT" } });
    }
    const address = new URL(request.url);
    address.protocol = "http:";
    address.hostname = "127.0.0.1";
    address.pathname = path;
    address.port = String(started.port);
    const timeout = AbortSignal.timeout(REQUEST_MS);
    try {
      return await fetch(address, {
        method: request.method,
        headers: request.headers,
        body: request.body,
        redirect: "manual",
        signal: timeout,
      });
    } catch (error) {
      if (timeout.aborted) {
        return Response.json({ code: "IDLE_TIMEOUT", message: `The function ${this.#name} did not answer in ${REQUEST_MS / 1000} s.` }, { status: 504 });
      }
      console.error(`edge: ${this.#name} did not answer:`, error);
      return Response.json({ code: "WORKER_ERROR", message: `The function ${this.#name} ended without an answer.` }, { status: 502 });
    }
  }

  stop(): void {
    const started = this.#started;
    this.#started = undefined;
    // One that never started has nothing to end.
    started?.then(({ worker }) => worker.terminate(), () => undefined);
  }

  #start(): Promise<Started> {
    const worker = new Worker(new URL("./worker.ts", import.meta.url), { type: "module", name: this.#name });
    const { promise, resolve, reject } = Promise.withResolvers<Started>();
    const deadline = setTimeout(() => reject(new Error(`it did not call Deno.serve within ${START_MS / 1000} s`)), START_MS);
    worker.onmessage = ({ data }: MessageEvent<{ port: number } | { failure: string }>) => {
      if ("port" in data) resolve({ worker, port: data.port });
      else reject(new Error(data.failure));
    };
    worker.onerror = (event) => {
      event.preventDefault(); // The fault stays this function's; the runtime goes on.
      console.error(`edge: ${this.#name} failed: ${event.message}`);
      reject(new Error(event.message));
      worker.terminate();
      this.#started = undefined;
    };
    worker.postMessage({ file: this.#file });
    return promise.catch((error: unknown) => {
      worker.terminate();
      throw error;
    }).finally(() => clearTimeout(deadline));
  }
}
