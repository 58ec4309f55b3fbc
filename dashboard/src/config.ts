/** Where the platform is: read once from `/config.json`, which is served beside the page and differs by installation. */
import { z } from "zod";

const Config = z.object({
  /** The project's address; REST, Auth, Realtime and the API are under it. */
  supabase_url: z.url(),
  /** The publishable key: no secret, and it opens nothing without a session. */
  publishable_key: z.string().min(1),
  /** Which installation this is; shown where it is not the real one. */
  installation: z.enum(["local", "staging", "production"]),
});

export type Config = z.infer<typeof Config>;

export class BadConfig extends Error {}

/** Throws BadConfig with a sentence for whoever installed the dashboard. */
export async function readConfig(): Promise<Config> {
  let answer: unknown;
  try {
    const response = await fetch("/config.json", { cache: "no-store" });
    if (!response.ok) throw new Error(`status ${response.status}`);
    answer = await response.json();
  } catch (error) {
    throw new BadConfig(`The dashboard's /config.json cannot be read (${error instanceof Error ? error.message : String(error)}).`, { cause: error });
  }
  const read = Config.safeParse(answer);
  if (!read.success) throw new BadConfig(`The dashboard's /config.json is not complete: ${z.prettifyError(read.error)}`);
  return read.data;
}
