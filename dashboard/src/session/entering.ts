/** Coming in: by the API, whose refusals are sentences, and into the client of Supabase, which keeps the session. */
import { body, type Api } from "@/api/client";
import type { Factor, Session } from "@/api/schema";
import type { Supabase } from "./supabase";

/** Keeps a session that the API answered with; everybody who waits for one hears of it. Throws AuthError. */
export async function keep(supabase: Supabase, session: Session): Promise<void> {
  const { error } = await supabase.auth.setSession({ access_token: session.access_token, refresh_token: session.refresh_token });
  if (error) throw error;
}

/** What signing in led to: in, or a second factor is to be shown first. */
export type Entered = { done: true } | { done: false; session: Session; factor: Factor };

export async function signIn(api: Api, supabase: Supabase, email: string, password: string): Promise<Entered> {
  const session = await body(api.POST("/api/auth/login", { body: { email, password } }));
  const factor = session.factors.find(({ verified }) => verified);
  if (factor) return { done: false, session, factor };
  await keep(supabase, session);
  return { done: true };
}

/** Shows the second factor for a session that is not kept yet. */
export async function showFactor(api: Api, supabase: Supabase, { session, factor }: Entered & { done: false }, code: string): Promise<void> {
  const raised = await body(api.POST("/api/auth/factors/{id}/verify", {
    params: { path: { id: factor.id } },
    headers: { Authorization: `Bearer ${session.access_token}` },
    body: { code },
  }));
  await keep(supabase, raised);
}
