/// <reference lib="deno.worker" />
/** Runs one unmodified edge function: its `Deno.serve` listens on a free port of this machine, which is told to the runtime. */

const listen = Deno.serve;

function serveHere(...given: unknown[]): Deno.HttpServer {
  const handler = given.find((one) => typeof one === "function") as Deno.ServeHandler | undefined;
  const options = given.find((one) => typeof one === "object" && one !== null) as { handler?: Deno.ServeHandler } | undefined;
  const chosen = handler ?? options?.handler;
  if (!chosen) throw new TypeError("Deno.serve was called without a handler");
  return listen({ ...options, hostname: "127.0.0.1", port: 0, onListen: ({ port }) => self.postMessage({ port }) }, chosen);
}

Object.defineProperty(Deno, "serve", { value: serveHere });

self.onmessage = async ({ data }: MessageEvent<{ file: string }>) => {
  try {
    await import(`file://${data.file}`);
  } catch (error) {
    self.postMessage({ failure: error instanceof Error ? error.message : String(error) });
  }
};
