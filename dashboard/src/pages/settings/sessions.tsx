/** This session, and an end to the others or to all. */
import { useState } from "react";
import { useMutation } from "@tanstack/react-query";
import { useApi, useSession, useSignOut } from "@/session/context";
import { said } from "@/ui/announce";
import { Button } from "@/ui/button";
import { Confirm } from "@/ui/dialog";
import { Chip, FullTime } from "@/ui/figures";
import { Panel } from "@/ui/panel";

const MS = 1000;

export function Sessions() {
  const api = useApi();
  const { session, claims } = useSession();
  const signOut = useSignOut();
  const [everywhere, setEverywhere] = useState(false);
  const others = useMutation({
    mutationFn: () => api.POST("/api/auth/logout", { body: { scope: "others" } }),
    onSuccess: () => said("Every other session of yours has ended. What it showed stays on its screen for an hour at most."),
  });
  const since = session.user.last_sign_in_at;
  return (
    <Panel title="Sessions">
      <div className="flex flex-wrap items-center gap-x-4 gap-y-3 text-sm">
        <span className="min-w-0 flex-1">
          This device, signed in {since === undefined ? "" : <>on <FullTime at={since} /></>}
          <span className="block text-xs text-dim">
            Renewed by itself; the next time before <FullTime at={new Date((session.expires_at ?? 0) * MS).toISOString()} />.
          </span>
        </span>
        <Chip tone={claims.level === "aal2" ? "good" : "plain"}>{claims.level === "aal2" ? "second factor shown" : "password only"}</Chip>
      </div>
      <div className="mt-4 flex flex-wrap gap-2">
        <Button busy={others.isPending} onClick={() => others.mutate()}>Sign out every other device</Button>
        <Button onClick={() => setEverywhere(true)}>Sign out everywhere…</Button>
      </div>
      <Confirm open={everywhere} onOpenChange={setEverywhere} title="Sign out everywhere" act="Sign out everywhere" onConfirm={() => signOut("global")}>
        <p>Every session of yours ends, this one too. API keys and strategies go on.</p>
      </Confirm>
    </Panel>
  );
}
