/** Stopping: what becomes of what it has open is chosen, with what each choice does in numbers. */
import { useState } from "react";
import { useQueryClient } from "@tanstack/react-query";
import clsx from "clsx";
import { body } from "@/api/client";
import { useLive } from "@/live/hooks";
import type { StrategyRow } from "@/live/rows";
import { useAccounts } from "@/session/accounts";
import { useApi } from "@/session/context";
import { said } from "@/ui/announce";
import { Confirm } from "@/ui/dialog";
import { ModeBadge } from "@/ui/figures";
import { Loading } from "@/ui/states";
import { useExposure } from "./open_exposure";
import { THENS, whatItDoes, type Then } from "./stop_words";

interface Props {
  row: StrategyRow;
  open: boolean;
  onOpenChange: (open: boolean) => void;
}

const ACT: Readonly<Record<Then, string>> = { leave: "Stop", cancel_orders: "Stop and cancel entries", flatten: "Stop and flatten" };

export function StopDialog({ row, open, onOpenChange }: Props) {
  const api = useApi();
  const live = useLive();
  const queries = useQueryClient();
  const { byId } = useAccounts();
  const account = byId.get(row.broker_account_id);
  const exposure = useExposure(row.id);
  const stopped = row.status !== "active";
  const [chosen, setThen] = useState<Then>("leave");
  const then = stopped && chosen === "leave" ? "flatten" : chosen;
  const stop = async () => {
    await body(api.POST("/api/strategies/{id}/deactivate", { params: { path: { id: row.id }, header: { "idempotency-key": crypto.randomUUID() } }, body: { then } }));
    said(then === "leave" ? `${row.name} is stopped. What it has open stays.` : `${row.name} is stopped. How far it is stands on its page.`);
    await Promise.all([live.refresh(), queries.invalidateQueries({ queryKey: ["strategy", row.id] }), queries.invalidateQueries({ queryKey: ["strategies"] })]);
  };
  return (
    <Confirm open={open} onOpenChange={onOpenChange} title={stopped ? `Close what ${row.name} has open` : `Stop ${row.name}`} act={stopped ? (then === "flatten" ? "Flatten" : "Cancel entries") : ACT[then]} danger={then !== "leave"} onConfirm={stop}>
      <p className="flex flex-wrap items-center gap-2">
        {stopped ? "It decides nothing any more." : "It decides nothing from this moment on."} {account && <ModeBadge paper={account.is_paper} />}
      </p>
      {exposure === undefined ? <Loading rows={3} /> : (
        <fieldset className="flex flex-col gap-2">
          <legend className="mb-1 text-xs font-medium text-dim">What becomes of what it has open</legend>
          {THENS.filter((one) => !stopped || one.then !== "leave").map((one) => (
            <label key={one.then} className={clsx("flex items-start gap-2.5 rounded-md border p-3", one.then === then ? "border-accent bg-raised" : "border-line")}>
              <input type="radio" name="then" className="mt-0.5 size-4 accent-accent" checked={one.then === then} onChange={() => setThen(one.then)} />
              <span><strong className="font-medium">{one.name}</strong><br /><span className="text-xs text-dim">{whatItDoes(one.then, exposure)}</span></span>
            </label>
          ))}
        </fieldset>
      )}
    </Confirm>
  );
}
