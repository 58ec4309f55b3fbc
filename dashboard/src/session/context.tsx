/** Who is signed in, and the clients that act for them. */
import { createContext, use, useEffect, useMemo, useState, type ReactNode } from "react";
import type { Session } from "@supabase/supabase-js";
import { useQueryClient } from "@tanstack/react-query";
import { apiOf, type Api } from "@/api/client";
import type { Config } from "@/config";
import { connect, type Supabase } from "./supabase";

export interface Claims {
  administrator: boolean;
  desk_role: "trader" | "viewer";
  /** aal2: with a second factor. */
  level: "aal1" | "aal2";
}

/** `expired`: somebody was signed in, and the session ended without their wish. */
export type SessionState = { status: "loading" } | { status: "out"; expired: boolean } | { status: "in"; session: Session; claims: Claims };

interface Clients {
  config: Config;
  supabase: Supabase;
  api: Api;
}

const ClientsContext = createContext<Clients | null>(null);
const SessionContext = createContext<SessionState>({ status: "loading" });

/** Gone with the tab: after a wanted sign-out the next page says nothing of an expired session. */
let leaving = false;

export function SessionProvider({ config, children }: { config: Config; children: ReactNode }) {
  const queries = useQueryClient();
  const clients = useMemo<Clients>(() => {
    const supabase = connect(config);
    return { config, supabase, api: apiOf(supabase, config.supabase_url, config.publishable_key) };
  }, [config]);
  const [state, setState] = useState<SessionState>({ status: "loading" });
  useEffect(() => {
    const { data } = clients.supabase.auth.onAuthStateChange((event, session) => {
      if (session) {
        leaving = false;
        setState({ status: "in", session, claims: claimsOf(session.access_token) });
      } else {
        if (event === "SIGNED_OUT") queries.clear();
        // Signed out while it was still being looked for: one was kept here, and Auth has refused to renew it.
        const ended = (before: SessionState) => before.status === "in" || (before.status === "loading" && event === "SIGNED_OUT");
        setState((before) => ({ status: "out", expired: ended(before) ? !leaving : before.status === "out" && before.expired }));
      }
    });
    return () => data.subscription.unsubscribe();
  }, [clients, queries]);
  return (
    <ClientsContext value={clients}>
      <SessionContext value={state}>{children}</SessionContext>
    </ClientsContext>
  );
}

function useClients(): Clients {
  const found = use(ClientsContext);
  if (!found) throw new Error("used outside of SessionProvider");
  return found;
}

export function useSupabase(): Supabase {
  return useClients().supabase;
}

export function useApi(): Api {
  return useClients().api;
}

export function useConfig(): Config {
  return useClients().config;
}

export function useSessionState(): SessionState {
  return use(SessionContext);
}

/** Whoever is signed in; only below RequireSession. */
export function useSession(): { session: Session; claims: Claims } {
  const state = use(SessionContext);
  if (state.status !== "in") throw new Error("useSession is used where nobody is signed in");
  return state;
}

/** Ends the session on this device, or `global`: every session of theirs. Throws AuthError where Auth could not be asked for all of them. */
export function useSignOut(): (scope?: "local" | "global") => Promise<void> {
  const supabase = useSupabase();
  return async (scope = "local") => {
    leaving = true;
    const { error } = await supabase.auth.signOut({ scope });
    // On this device it is over in any case.
    if (!error || scope === "local") return;
    leaving = false;
    throw error;
  };
}

/** What the token says; it was signed by Auth, and the ledger decides by it anyway. */
function claimsOf(token: string): Claims {
  const middle = token.split(".")[1] ?? "";
  const said = JSON.parse(atob(middle.replaceAll("-", "+").replaceAll("_", "/"))) as { aal?: string; app_metadata?: Record<string, unknown> };
  return {
    administrator: said.app_metadata?.["administrator"] === true,
    desk_role: said.app_metadata?.["desk_role"] === "viewer" ? "viewer" : "trader",
    level: said.aal === "aal2" ? "aal2" : "aal1",
  };
}
