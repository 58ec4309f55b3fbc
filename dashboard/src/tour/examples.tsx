/** What a page shows once there is something to show: made-up figures, told as such. */
import type { ReactNode } from "react";
import { Chip, Dollars, ModeBadge, Pnl } from "@/ui/figures";
import { Sparkline } from "@/ui/sparkline";

const EQUITY = [100, 101, 100.4, 102.2, 101.6, 103.1, 102.4, 104.8] as const;

function Line({ children }: { children: ReactNode }) {
  return <div className="flex h-8 items-center justify-between gap-3 text-sm">{children}</div>;
}

export const EXAMPLES = {
  overview: (
    <Line><span>Equity <Dollars amount="52400" /></span><Sparkline values={EQUITY} label="Example of an equity curve" /><Pnl amount="1240.5" /></Line>
  ),
  accounts: <Line><span>Alpaca PA3EXAMPLE</span><ModeBadge paper /><Chip tone="good">verified</Chip></Line>,
  trade: <Line><span>Buy 10 SPY, limit <Dollars amount="412.35" /></span><Chip>risk <Dollars amount="61.85" /></Chip></Line>,
  orders: <Line><span>SPY · buy 10</span><Chip tone="accent">submitted</Chip><Chip tone="good">filled</Chip></Line>,
  positions: <Line><span>SPY · 10 shares</span><Pnl amount="38.2" /></Line>,
  strategies: <Line><span>Opening range, 5 minutes</span><Chip tone="good">active</Chip><Pnl amount="-12.4" /></Line>,
  risk: <Line><span>Daily loss</span><span className="text-dim tabular-nums">$240.00 of $500.00</span></Line>,
  history: <Line><span>Yesterday, 14 trades</span><Pnl amount="86.1" /></Line>,
} as const satisfies Record<string, ReactNode>;
