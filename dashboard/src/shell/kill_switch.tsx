/** One click stops every new entry of the trader's, everywhere. Lifting and flattening are on the risk page, and are confirmed there. */
import { OctagonX } from "lucide-react";
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { body } from "@/api/client";
import { useApi, useSession } from "@/session/context";
import { useRow } from "@/live/hooks";
import { useLive } from "@/live/hooks";
import { said } from "@/ui/announce";
import { Button } from "@/ui/button";

export function KillSwitch() {
  const api = useApi();
  const live = useLive();
  const queries = useQueryClient();
  const { session, claims } = useSession();
  const gate = useRow("gates", `user:${session.user.id}`);
  const engage = useMutation({
    mutationFn: () => body(api.POST("/api/risk/halts", {
      params: { header: { "idempotency-key": crypto.randomUUID() } },
      body: { gate_key: `user:${session.user.id}`, mode: "cancel_working", spare_exits: true, reason: "Kill switch of the dashboard" },
    })),
    onSuccess: async () => {
      said("Trading is halted: no new entries, working entries are canceled. Exits stay.");
      await Promise.all([live.refresh(), queries.invalidateQueries({ queryKey: ["halts"] })]);
    },
  });
  if (claims.desk_role === "viewer") return null;
  return (
    <Button look="danger" small busy={engage.isPending} disabled={gate?.closed === true} onClick={() => engage.mutate()} title="Stops new entries at once and cancels working ones; exits stay">
      <OctagonX aria-hidden className="size-4" />
      <span className="max-sm:sr-only">{gate?.closed === true ? "Halted" : "Kill switch"}</span>
    </Button>
  );
}
