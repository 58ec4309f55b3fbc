/** Only for whoever is signed in; everybody else signs in and comes back to where they were. */
import type { ReactNode } from "react";
import { Navigate, useLocation } from "react-router";
import { LiveProvider } from "@/live/hooks";
import { Loading } from "@/ui/states";
import { AccountsProvider } from "./accounts";
import { useSessionState } from "./context";
import { ProfileProvider } from "./profile";

export function RequireSession({ children }: { children: ReactNode }) {
  const state = useSessionState();
  const { pathname, search } = useLocation();
  if (state.status === "loading") return <Loading what="Looking for your session" />;
  if (state.status === "out") {
    const back = pathname === "/" ? "" : `?to=${encodeURIComponent(pathname + search)}`;
    return <Navigate replace to={`/sign-in${back}`} state={{ expired: state.expired }} />;
  }
  return (
    <LiveProvider user={state.session.user.id}>
      <ProfileProvider>
        <AccountsProvider>{children}</AccountsProvider>
      </ProfileProvider>
    </LiveProvider>
  );
}
