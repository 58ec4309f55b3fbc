/** What is loaded once somebody is signed in: live rows, profile, accounts, and the shell around the pages. */
import { RequireSession } from "@/session/require";
import { Shell } from "./shell";

export function Frame() {
  return (
    <RequireSession>
      <Shell />
    </RequireSession>
  );
}
