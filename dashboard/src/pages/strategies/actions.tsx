/** What can be done with a strategy, each where its state allows it. */
import { useState } from "react";
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { Pause, Pencil, Play, Square, Trash2 } from "lucide-react";
import { useNavigate } from "react-router";
import { body } from "@/api/client";
import { useLive } from "@/live/hooks";
import type { StrategyRow } from "@/live/rows";
import { useApi, useSession } from "@/session/context";
import { useStepUp } from "@/session/step_up";
import { said } from "@/ui/announce";
import { Button, IconButton } from "@/ui/button";
import { Confirm } from "@/ui/dialog";
import { Field, Input } from "@/ui/form";
import { useExposure } from "./open_exposure";
import { StartDialog } from "./start_dialog";
import { StopDialog } from "./stop_dialog";

interface Props {
  row: StrategyRow;
  paused: boolean;
  onEdit: () => void;
}

export function Actions({ row, paused, onEdit }: Props) {
  const api = useApi();
  const live = useLive();
  const queries = useQueryClient();
  const navigate = useNavigate();
  const { claims } = useSession();
  const exposure = useExposure(row.id);
  const [asking, setAsking] = useState<"start" | "stop" | "resume" | "delete" | null>(null);
  const [reason, setReason] = useState("Entries are wanted again");
  const { stepUp, dialog } = useStepUp("Entries are let through again by a person with a second factor.");
  const gate = `strategy:${row.id}`;
  const refresh = () => Promise.all([live.refresh(), queries.invalidateQueries({ queryKey: ["halts"] }), queries.invalidateQueries({ queryKey: ["strategies"] })]);
  const pause = useMutation({
    mutationFn: () => body(api.POST("/api/risk/halts", {
      params: { header: { "idempotency-key": crypto.randomUUID() } },
      body: { gate_key: gate, mode: "no_new_entries", spare_exits: true, reason: "Entries paused on the strategy's page" },
    })),
    onSuccess: async () => {
      said(`${row.name} enters nothing any more. Its exits pass.`);
      await refresh();
    },
  });
  const resume = async () => {
    await body(api.POST("/api/risk/halts/{gate_key}/lift", { params: { path: { gate_key: gate }, header: { "idempotency-key": crypto.randomUUID() } }, body: { reason } }));
    said(`${row.name} may enter again.`);
    await refresh();
  };
  const remove = async () => {
    await api.DELETE("/api/strategies/{id}", { params: { path: { id: row.id } } });
    said(`${row.name} is deleted. Its history stays.`);
    await navigate("/strategies");
    await live.refresh();
  };
  if (claims.desk_role === "viewer" || row.status === "deleted") return null;
  const active = row.status === "active";
  const open = exposure !== undefined && exposure.held.length + exposure.entries.length + exposure.exits.length > 0;
  const show = (which: typeof asking) => (wanted: boolean) => setAsking(wanted ? which : null);
  return (
    <>
      {!active && <Button look="main" onClick={() => setAsking("start")}><Play aria-hidden className="size-4" /> Start</Button>}
      {active && !paused && <Button busy={pause.isPending} onClick={() => pause.mutate()}><Pause aria-hidden className="size-4" /> Pause entries</Button>}
      {paused && <Button onClick={() => stepUp(() => setAsking("resume"))}><Play aria-hidden className="size-4" /> Resume entries</Button>}
      {active && <Button look="danger" onClick={() => setAsking("stop")}><Square aria-hidden className="size-4" /> Stop</Button>}
      {!active && open && <Button look="danger" onClick={() => setAsking("stop")}><Square aria-hidden className="size-4" /> Close what is open</Button>}
      <Button onClick={onEdit}><Pencil aria-hidden className="size-4" /> Edit</Button>
      {!active && <IconButton label="Delete the strategy" onClick={() => setAsking("delete")}><Trash2 aria-hidden className="size-4" /></IconButton>}
      {dialog}
      <StartDialog row={row} open={asking === "start"} onOpenChange={show("start")} />
      <StopDialog row={row} open={asking === "stop"} onOpenChange={show("stop")} />
      <Confirm open={asking === "resume"} onOpenChange={show("resume")} title={`Let ${row.name} enter again`} act="Resume entries" onConfirm={resume}>
        <p>Its next decision to open something is placed again, if nothing else is halted.</p>
        <Field label="Why"><Input value={reason} maxLength={2000} required onChange={(event) => setReason(event.target.value)} /></Field>
      </Confirm>
      <Confirm open={asking === "delete"} onOpenChange={show("delete")} title={`Delete ${row.name}`} act="Delete" danger onConfirm={remove}>
        <p>It gives its name free. Its versions, decisions and trades stay on record. It cannot be taken back.</p>
        {open && <p className="text-warn">It has something open: stop it with flatten first, else it is refused.</p>}
      </Confirm>
    </>
  );
}
