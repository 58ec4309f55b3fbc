/** Trade: the chart, the ticket, and what works and is held of one symbol. */
import { lazy, Suspense, useCallback, useEffect } from "react";
import { Tabs } from "radix-ui";
import { useNavigate, useParams } from "react-router";
import { useRows, useRowsWhere } from "@/live/hooks";
import type { FillRow, PositionRow, TradeRow } from "@/live/rows";
import { useAccounts } from "@/session/accounts";
import { useWatched } from "@/watchlist/watched";
import { Page } from "@/ui/panel";
import { Empty, Loading } from "@/ui/states";
import { Holding } from "./holding";
import { ReadyToTrade } from "./placing/ready_to_trade";
import { useTradeAccount } from "./placing/use_trade_account";
import { QuoteLine } from "./quote_line";
import { lookedAt, recentSymbols } from "./recent";
import { SymbolChips } from "./symbol_chips";
import { SymbolPicker } from "./symbol_picker";
import { Ticket } from "./ticket/ticket";
import { useExits } from "./use_exits";
import { WorkingOrders } from "./working_orders";

const PriceChart = lazy(() => import("./chart/price_chart"));
const OptionsDesk = lazy(async () => ({ default: (await import("./options/options_desk")).OptionsDesk }));

const TAB = "h-8 rounded px-2.5 text-sm text-dim hover:text-ink data-[state=active]:bg-raised data-[state=active]:text-ink";

export function Trade() {
  const symbol = useParams()["symbol"]?.toUpperCase() ?? "";
  const navigate = useNavigate();
  const pick = useCallback((one: string) => void navigate(`/trade/${encodeURIComponent(one)}`), [navigate]);
  const [recent] = recentSymbols();
  useEffect(() => {
    if (symbol !== "") lookedAt(symbol);
    else if (recent !== undefined) void navigate(`/trade/${encodeURIComponent(recent)}`, { replace: true });
  }, [symbol, recent, navigate]);
  return (
    <Page title="Trade" actions={<SymbolPicker symbol={symbol} onPick={pick} />}>
      <div className="flex min-h-9 flex-wrap items-center gap-x-5 gap-y-1">
        {symbol !== "" && <><h2 className="text-lg font-semibold">{symbol}</h2><QuoteLine symbol={symbol} /></>}
        <SymbolChips symbol={symbol} onPick={pick} />
      </div>
      {symbol === "" ? <Empty>Find a symbol above to see its chart and trade it.</Empty> : <Desk key={symbol} symbol={symbol} />}
    </Page>
  );
}

function Desk({ symbol }: { symbol: string }) {
  useWatched([symbol]);
  const { selected } = useAccounts();
  const on = useTradeAccount();
  const of = selected?.id ?? null;
  const fits = useCallback((row: { symbol: string; broker_account_id: string }) => row.symbol === symbol && (of === null || row.broker_account_id === of), [symbol, of]);
  const fills: readonly FillRow[] = useRowsWhere("fills", fits);
  const trades: readonly TradeRow[] = useRowsWhere("trades", fits);
  const positions: readonly PositionRow[] = useRowsWhere("positions", fits);
  const { loaded } = useRows("trades");
  const known = useRows("positions").loaded;
  const exits = useExits(symbol, of);
  return (
    <div className="grid items-start gap-4 xl:grid-cols-[minmax(0,1fr)_24rem] xl:grid-rows-[auto_1fr]">
      <div className="min-w-0">
        <Tabs.Root defaultValue="chart">
          <Tabs.List aria-label="Desk" className="mb-2 flex gap-1">
            <Tabs.Trigger value="chart" className={TAB}>Chart</Tabs.Trigger>
            <Tabs.Trigger value="options" className={TAB}>Options</Tabs.Trigger>
          </Tabs.List>
          <Tabs.Content value="chart" tabIndex={-1}>
            <Suspense fallback={<div className="h-[clamp(380px,62dvh,660px)] rounded-lg border border-line bg-panel"><Loading what="Loading the chart" rows={6} /></div>}>
              <PriceChart symbol={symbol} fills={fills} trades={trades} positions={positions} exits={exits} />
            </Suspense>
          </Tabs.Content>
          <Tabs.Content value="options" tabIndex={-1}>
            <Suspense fallback={<Loading what="Loading the options" rows={6} />}>
              <OptionsDesk symbol={symbol} on={on} />
            </Suspense>
          </Tabs.Content>
        </Tabs.Root>
      </div>
      <div className="flex min-w-0 flex-col gap-4 xl:row-span-2">
        <ReadyToTrade title="Order" on={on}><Ticket symbol={symbol} account={on.account} accountChoice={on.choice} /></ReadyToTrade>
        <Holding symbol={symbol} positions={positions} exits={exits} loaded={known} />
      </div>
      <WorkingOrders symbol={symbol} trades={trades} loading={!loaded} />
    </div>
  );
}
