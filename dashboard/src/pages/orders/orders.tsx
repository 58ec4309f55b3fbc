/** Orders: what works now and what came today, live; replaced and canceled from here. */
import { useMemo, useState } from "react";
import { useNavigate } from "react-router";
import { Pencil, X } from "lucide-react";
import { useRows } from "@/live/hooks";
import type { TradeRow } from "@/live/rows";
import { quantity } from "@/money/amount";
import { useCancel, useCancelAll } from "@/orders/actions";
import { StateChip } from "@/orders/state_chip";
import { isReplaceable, isWorking, ordered, stateOf, terms } from "@/orders/words";
import { accountName, useAccounts } from "@/session/accounts";
import { useSession } from "@/session/context";
import { useProfile } from "@/session/profile";
import { day } from "@/time/times";
import { Button, IconButton } from "@/ui/button";
import { Confirm } from "@/ui/dialog";
import { Chip, Time } from "@/ui/figures";
import { Input, Segments, Select } from "@/ui/form";
import { Page, Panel } from "@/ui/panel";
import { Table, type Column } from "@/ui/table";
import { ReplaceDialog } from "./replace_dialog";

type Which = "working" | "today" | "newest";
type Source = "" | TradeRow["source"];

export function Orders() {
  const { rows, loaded } = useRows("trades");
  const strategies = useRows("strategies").rows;
  const { selected, byId } = useAccounts();
  const { claims } = useSession();
  const zone = useProfile().time_zone;
  const navigate = useNavigate();
  const [which, setWhich] = useState<Which>("working");
  const [symbol, setSymbol] = useState("");
  const [source, setSource] = useState<Source>("");
  const [replacing, setReplacing] = useState<TradeRow | null>(null);
  const [cancelingAll, setCancelingAll] = useState(false);
  const cancel = useCancel();
  const cancelAll = useCancelAll();
  const acts = claims.desk_role !== "viewer";

  const shown = useMemo(() => {
    const today = day(new Date(), zone);
    const wanted = symbol.trim().toUpperCase();
    return rows.filter((row) =>
      (which === "newest" || isWorking(row) || (which === "today" && day(row.created_at, zone) === today))
      && (which !== "working" || isWorking(row))
      && (wanted === "" || row.symbol.includes(wanted))
      && (source === "" || row.source === source)
      && (selected === null || row.broker_account_id === selected.id));
  }, [rows, which, symbol, source, selected, zone]);
  const working = useMemo(() => rows.filter((row) => isWorking(row) && (selected === null || row.broker_account_id === selected.id)), [rows, selected]);

  const columns = useMemo((): readonly Column<TradeRow>[] => {
    const strategyName = new Map(strategies.map(({ id, name }) => [id, name]));
    const source = (row: TradeRow) => (row.strategy_id === null ? row.source : (strategyName.get(row.strategy_id) ?? row.source));
    const account = (row: TradeRow) => {
      const found = byId.get(row.broker_account_id);
      return found ? accountName(found) : "";
    };
    return [
      { id: "created_at", name: "Placed", cell: (row) => <Time at={row.created_at} />, value: (row) => row.created_at },
      { id: "symbol", name: "Symbol", cell: (row) => <span className="font-medium">{row.symbol}{row.multi_leg && <span className="text-xs text-dim"> +legs</span>}</span>, value: (row) => row.symbol },
      { id: "side", name: "Side", cell: (row) => (row.side === "buy" ? "Buy" : "Sell"), value: (row) => row.side },
      { id: "quantity", name: "Quantity", numeric: true, cell: (row) => ordered(row), value: (row) => row.quantity },
      { id: "filled", name: "Filled", numeric: true, cell: (row) => quantity(row.filled_quantity), value: (row) => row.filled_quantity },
      { id: "terms", name: "Terms", cell: (row) => <>{terms(row)} <span className="text-xs text-dim uppercase">{row.time_in_force}</span></>, value: (row) => `${terms(row)} ${row.time_in_force}` },
      { id: "status", name: "State", cell: (row) => <StateChip status={row.status} />, value: (row) => stateOf(row.status).name },
      { id: "fill_price", name: "Fill price, $", numeric: true, optional: true, cell: (row) => quantity(row.fill_price), value: (row) => row.fill_price },
      { id: "source", name: "From", optional: true, cell: (row) => <Chip>{source(row)}</Chip>, value: source },
      { id: "account", name: "Account", optional: true, cell: account, value: account },
      {
        id: "act",
        name: "Actions",
        cell: (row) => acts && isWorking(row) && (
          // A click on a button is not a click on the row.
          <span className="inline-flex gap-1" onClick={(event) => event.stopPropagation()}>
            <IconButton label={`Replace ${row.symbol}`} disabled={!isReplaceable(row) || row.multi_leg} onClick={() => setReplacing(row)}><Pencil aria-hidden className="size-4" /></IconButton>
            <IconButton label={`Cancel ${row.symbol}`} disabled={row.cancel_requested_at !== null} onClick={() => cancel.mutate(row.id)}><X aria-hidden className="size-4" /></IconButton>
          </span>
        ),
        value: () => null,
      },
    ];
  }, [strategies, byId, acts, cancel]);

  return (
    <Page
      title="Orders"
      about={`${working.length} working`}
      actions={acts && <Button disabled={working.length === 0} onClick={() => setCancelingAll(true)}>Cancel all working…</Button>}
    >
      <Panel
        flush
        title={<Segments label="Which orders" value={which} onChange={setWhich} options={[{ value: "working", label: "Working" }, { value: "today", label: "Today" }, { value: "newest", label: "Newest 500" }]} />}
        actions={
          <>
            <Input aria-label="Symbol" placeholder="Symbol" className="w-28" value={symbol} onChange={(event) => setSymbol(event.target.value)} />
            <Select aria-label="From" className="w-32" value={source} onChange={(event) => setSource(event.target.value as Source)}>
              <option value="">From anywhere</option>
              {(["manual", "strategy", "automation", "risk", "external"] as const).map((one) => <option key={one} value={one}>{one}</option>)}
            </Select>
          </>
        }
      >
        <Table
          label="Orders"
          columns={columns}
          rows={shown}
          rowKey={(row) => row.id}
          onRow={(row) => void navigate(`/orders/${row.id}`)}
          loading={!loaded}
          empty={which === "working" ? "No order is working. Place one on the trade page, or start a strategy." : "No order yet."}
          height={640}
        />
      </Panel>
      {replacing && <ReplaceDialog order={replacing} onClose={() => setReplacing(null)} />}
      <Confirm open={cancelingAll} onOpenChange={setCancelingAll} title="Cancel all working orders" act="Cancel them" danger onConfirm={() => cancelAll.mutateAsync(selected?.id ?? null)}>
        <p>{working.length} working orders{selected ? ` of ${accountName(selected)}` : " of all accounts"} are canceled, stops among them: what they protect is without protection then.</p>
      </Confirm>
    </Page>
  );
}
