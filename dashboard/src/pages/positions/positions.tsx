/** Positions: what is held now, what it has made, how it is got out of. */
import { useMemo, useState } from "react";
import { useQuery, useQueryClient } from "@tanstack/react-query";
import Big from "big.js";
import { Link } from "react-router";
import { body } from "@/api/client";
import type { Exit } from "@/api/schema";
import { useRows } from "@/live/hooks";
import { isOption, useGreeks, useMarks } from "@/live/quotes";
import type { PositionRow } from "@/live/rows";
import { dollars, MISSING, price, quantity } from "@/money/amount";
import { average, openPnl, totalPnl, value } from "@/positions/pnl";
import { underlyings } from "@/positions/underlyings";
import { accountName, useAccounts } from "@/session/accounts";
import { useApi, useSession } from "@/session/context";
import { useProfile } from "@/session/profile";
import { full } from "@/time/times";
import { said } from "@/ui/announce";
import { Button } from "@/ui/button";
import { Chip, ModeBadge, Pnl, Time } from "@/ui/figures";
import { Figure, Page, Panel } from "@/ui/panel";
import { Table, type Column } from "@/ui/table";
import { CloseDialog } from "./close_dialog";
import { ExerciseDialog } from "./exercise_dialog";
import { ExitDialog } from "./exit_dialog";
import { isSoon, moneyInWords, whenInWords } from "./expiry_words";
import { NetGreeks } from "./net_greeks";
import { useExpiring } from "./use_expiring";

const EVERY_MS = 5000;
/** A row stays where it is, whatever it is told. */
const BY_SYMBOL = { id: "symbol", desc: false };
type Asked = { what: "close" | "exit" | "exercise"; position: PositionRow };

export function Positions() {
  const api = useApi();
  const queries = useQueryClient();
  const zone = useProfile().time_zone;
  const { rows, loaded } = useRows("positions");
  const { selected, byId } = useAccounts();
  const acts = useSession().claims.desk_role !== "viewer";
  const [asked, setAsked] = useState<Asked | null>(null);
  const held = useMemo(() => rows.filter((row) => !new Big(row.quantity).eq(0) && (selected === null || row.broker_account_id === selected.id)), [rows, selected]);
  const marks = useMarks(held.map(({ symbol }) => symbol));
  const { data: exits } = useQuery({
    queryKey: ["positions", "exits"],
    refetchInterval: EVERY_MS,
    queryFn: async () => (await body(api.GET("/api/risk/exits", { params: { query: { status: "armed", limit: 200 } } }))).data,
  });
  const options = useMemo(() => held.filter(({ symbol }) => isOption(symbol)), [held]);
  const greeks = useGreeks(options.map(({ symbol }) => symbol));
  const expiring = useExpiring(options.length > 0);
  const total = totalPnl(held, (one) => marks.get((one as PositionRow).symbol)?.mark);

  const columns = useMemo((): readonly Column<PositionRow>[] => {
    const mark = (row: PositionRow) => marks.get(row.symbol);
    const exitOf = (row: PositionRow) => exits?.find((one) => one.symbol === row.symbol && one.broker_account_id === row.broker_account_id);
    const account = (row: PositionRow) => byId.get(row.broker_account_id);
    const takeAway = async (exit: Exit) => {
      await body(api.DELETE("/api/risk/exits/{id}", { params: { path: { id: exit.id } } }));
      await queries.invalidateQueries({ queryKey: ["positions"] });
      said("The exit is taken away: the position is without protection.");
    };
    const ends = (row: PositionRow) => expiring.get(`${row.broker_account_id} ${row.symbol}`);
    return [
      {
        id: "symbol", name: "Symbol", value: (row) => row.symbol,
        cell: (row) => {
          const end = ends(row);
          return (
            <span className="inline-flex items-center gap-1.5">
              <Link to={`/trade/${encodeURIComponent(row.symbol)}`} className="font-medium hover:underline">{row.symbol}</Link>
              {end && <Chip tone={isSoon(end) ? "warn" : "plain"} title={moneyInWords(end)}>{whenInWords(end)}</Chip>}
            </span>
          );
        },
      },
      { id: "quantity", name: "Quantity", numeric: true, cell: (row) => quantity(row.quantity), value: (row) => row.quantity },
      { id: "average", name: "Average, $", numeric: true, optional: true, cell: (row) => price(average(row)), value: average },
      { id: "mark", name: "Mark, $", numeric: true, cell: (row) => { const one = mark(row); return one ? <span title={`${one.source}, ${full(one.marked_at, zone)}`}>{price(one.mark)} <span className="text-xs text-dim"><Time at={one.marked_at} /></span></span> : MISSING; }, value: (row) => mark(row)?.mark },
      { id: "value", name: "Value", numeric: true, optional: true, cell: (row) => dollars(value(row, mark(row)?.mark)), value: (row) => value(row, mark(row)?.mark) },
      { id: "open", name: "Open result", numeric: true, cell: (row) => <Pnl amount={openPnl(row, mark(row)?.mark)} />, value: (row) => openPnl(row, mark(row)?.mark) },
      { id: "realised", name: "Realised", numeric: true, optional: true, cell: (row) => <Pnl amount={row.realised_pnl} arrow={false} />, value: (row) => row.realised_pnl },
      { id: "exit", name: "Exit", cell: (row) => { const exit = exitOf(row); return exit ? <Chip tone="accent" title="Armed">{exitInWords(exit)}</Chip> : <span className="text-dim">none</span>; }, value: (row) => { const exit = exitOf(row); return exit && exitInWords(exit); } },
      { id: "account", name: "Account", optional: true, cell: (row) => { const one = account(row); return one && <span className="inline-flex items-center gap-1.5">{accountName(one)} <ModeBadge paper={one.is_paper} /></span>; }, value: (row) => { const one = account(row); return one && accountName(one); } },
      {
        id: "act", name: "Actions", value: () => null,
        cell: (row) => {
          const exit = exitOf(row);
          return acts && (
            <span className="inline-flex gap-1">
              <Button small onClick={() => setAsked({ what: "exit", position: row })} aria-label={`${exit ? "Change" : "Set"} exit of ${row.symbol}`}>{exit ? "Change exit" : "Set exit"}</Button>
              {exit && <Button small aria-label={`Take away exit of ${row.symbol}`} onClick={() => void takeAway(exit)}>Take away</Button>}
              {isOption(row.symbol) && !row.quantity.startsWith("-") && <Button small onClick={() => setAsked({ what: "exercise", position: row })} aria-label={`Exercise ${row.symbol}`}>Exercise…</Button>}
              <Button small onClick={() => setAsked({ what: "close", position: row })} aria-label={`Close ${row.symbol}`}>Close…</Button>
            </span>
          );
        },
      },
    ];
  }, [marks, exits, expiring, byId, acts, zone, api, queries]);

  const groups = underlyings(held, marks, greeks);
  const grouped = new Set(groups.flatMap((group) => group.rows));
  const shares = held.filter((row) => !grouped.has(row));
  const table = (label: string, of: readonly PositionRow[]) => (
    <Table label={label} columns={columns} rows={of} rowKey={(row) => `${row.broker_account_id} ${row.symbol}`} loading={!loaded} sort={BY_SYMBOL} empty="Nothing is held. Place an order on the trade page, or start a strategy." />
  );
  return (
    <Page title="Positions" about={`${held.length} held`}>
      <Panel>
        <dl className="grid grid-cols-2 gap-3">
          <Figure name="Open result" hint={total === null ? "a mark is missing" : "of all that is shown"}><Pnl amount={held.length === 0 ? null : total} /></Figure>
        </dl>
      </Panel>
      {groups.map((group) => (
        <Panel key={group.name} flush title={`${group.name} and its options`}>
          <NetGreeks of={group} />
          {table(`${group.name} and its options`, group.rows)}
        </Panel>
      ))}
      {(shares.length > 0 || groups.length === 0) && <Panel flush title={groups.length === 0 ? "Held" : "Without options"}>{table("Held", shares)}</Panel>}
      {asked?.what === "close" && <CloseDialog position={asked.position} onClose={() => setAsked(null)} />}
      {asked?.what === "exercise" && <ExerciseDialog position={asked.position} onClose={() => setAsked(null)} />}
      {asked?.what === "exit" && <ExitDialog position={asked.position} exit={exits?.find((one) => one.symbol === asked.position.symbol && one.broker_account_id === asked.position.broker_account_id)} onClose={() => setAsked(null)} />}
    </Page>
  );
}

function exitInWords(exit: Exit): string {
  const said = [
    exit.stop_price !== null && `stop ${price(exit.stop_price)}`,
    exit.target_price !== null && `target ${price(exit.target_price)}`,
    exit.trail_amount !== null && `trail $${price(exit.trail_amount)}`,
    exit.trail_percent !== null && `trail ${quantity(exit.trail_percent)} %`,
  ].filter((one) => one !== false);
  return said.length === 0 ? "armed" : said.join(", ");
}
