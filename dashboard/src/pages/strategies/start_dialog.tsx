/** Starting: the platform's verdict first, then what it says of warm-up, and of what will not happen. */
import { useState } from "react";
import { useQueryClient } from "@tanstack/react-query";
import { TriangleAlert } from "lucide-react";
import { body } from "@/api/client";
import { sentence } from "@/api/problem";
import type { Activated } from "@/api/schema";
import { useLive } from "@/live/hooks";
import { useTapeTime } from "@/live/tape";
import type { StrategyRow } from "@/live/rows";
import { accountName, useAccounts } from "@/session/accounts";
import { useApi } from "@/session/context";
import { Button } from "@/ui/button";
import { Dialog } from "@/ui/dialog";
import { FullTime, ModeBadge } from "@/ui/figures";
import { Loaded } from "@/ui/states";
import { useValidation } from "@/strategies/data";
import { Verdict } from "./verdict_shown";
import { TIMEFRAMES } from "@/strategies/wording";

interface Props {
  row: StrategyRow;
  open: boolean;
  onOpenChange: (open: boolean) => void;
}

export function StartDialog({ row, open, onOpenChange }: Props) {
  return (
    <Dialog open={open} onOpenChange={onOpenChange} title={`Start ${row.name}`} about="It decides on bars that end from now on, and what it wants is traded within your limits.">
      <Start key={String(open)} row={row} close={() => onOpenChange(false)} />
    </Dialog>
  );
}

function Start({ row, close }: { row: StrategyRow; close: () => void }) {
  const api = useApi();
  const live = useLive();
  const queries = useQueryClient();
  const { byId } = useAccounts();
  const account = byId.get(row.broker_account_id);
  const validation = useValidation(row.id, row.strategy_version);
  const tape = useTapeTime(row.symbols);
  const [key] = useState(() => crypto.randomUUID());
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState<unknown>(null);
  const [started, setStarted] = useState<Activated | null>(null);
  const start = async () => {
    setBusy(true);
    setError(null);
    try {
      const from = (await tape.refetch()).data;
      setStarted(await body(api.POST("/api/strategies/{id}/activate", {
        params: { path: { id: row.id }, header: { "idempotency-key": key } },
        body: from ? { from } : {},
      })));
      await Promise.all([live.refresh(), queries.invalidateQueries({ queryKey: ["strategy", row.id] })]);
    } catch (caught) {
      setError(caught);
    } finally {
      setBusy(false);
    }
  };
  if (started) return <Started answer={started} timeframe={row.timeframe} close={close} />;
  return (
    <div className="flex flex-col gap-4 text-sm">
      {account && (
        <p className="flex flex-wrap items-center gap-2">
          Trades on <strong>{accountName(account)}</strong> <ModeBadge paper={account.is_paper} />
        </p>
      )}
      <Loaded query={validation} rows={2}>{(said) => <Verdict validation={said} />}</Loaded>
      {tape.data && <p className="text-xs text-dim">The market of this installation is replayed from a tape: it starts from where that stands, <FullTime at={tape.data} />.</p>}
      {error !== null && <p role="alert" className="text-danger">{sentence(error)}</p>}
      <div className="flex justify-end gap-2">
        <Button onClick={close}>Cancel</Button>
        <Button look={account?.is_paper === false ? "danger" : "main"} busy={busy} disabled={validation.data?.state !== "valid"} onClick={() => void start()}>
          {account?.is_paper === false ? "Start with live money" : "Start"}
        </Button>
      </div>
    </div>
  );
}

function Started({ answer, timeframe, close }: { answer: Activated; timeframe: string; close: () => void }) {
  return (
    <div className="flex flex-col gap-4 text-sm">
      <p role="status">It is active. It decides on bars of {TIMEFRAMES[timeframe] ?? timeframe} that end after <FullTime at={answer.decides_after} />.</p>
      <table className="w-full text-sm tabular-nums">
        <caption className="pb-1 text-left text-xs text-dim">Warm-up: bars that it looks back on</caption>
        <thead className="text-xs text-dim">
          <tr><th scope="col" className="text-left font-medium">Symbol</th><th scope="col" className="text-left font-medium">Bars of</th><th scope="col" className="text-right font-medium">Stored</th><th scope="col" className="text-right font-medium">Needed</th></tr>
        </thead>
        <tbody>
          {answer.warm_up.map((one) => (
            <tr key={`${one.symbol} ${one.timeframe}`}>
              <td>{one.symbol}</td><td>{TIMEFRAMES[one.timeframe] ?? one.timeframe}</td>
              <td className={`text-right ${one.stored < one.needed ? "text-warn" : ""}`}>{one.stored}</td><td className="text-right">{one.needed}</td>
            </tr>
          ))}
        </tbody>
      </table>
      {answer.warnings.length > 0 && (
        <ul aria-label="Warnings" className="flex flex-col gap-2">
          {answer.warnings.map(({ code, text }) => (
            <li key={code} className="flex gap-2 rounded-md border border-warn/50 bg-warn/10 px-3 py-2 text-xs">
              <TriangleAlert aria-hidden className="size-4 shrink-0 text-warn" /><span>{text}</span>
            </li>
          ))}
        </ul>
      )}
      <div className="flex justify-end"><Button look="main" onClick={close}>Done</Button></div>
    </div>
  );
}
