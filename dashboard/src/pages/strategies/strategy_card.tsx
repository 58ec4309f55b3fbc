/** A strategy at a glance. */
import { Link } from "react-router";
import { useAccounts, accountName } from "@/session/accounts";
import { Chip, ModeBadge, Pnl, Time } from "@/ui/figures";
import { Sparkline } from "@/ui/sparkline";
import { useLastDecision } from "@/strategies/data";
import type { Card } from "@/strategies/use_listed";
import { STATES, TIMEFRAMES } from "@/strategies/wording";

export function StrategyCard({ card, title }: { card: Card; title: string }) {
  const { byId } = useAccounts();
  const account = byId.get(card.broker_account_id);
  const state = STATES[card.state];
  const { row, now } = card;
  return (
    <article aria-label={card.name} className="relative flex h-full min-w-0 flex-col gap-3 rounded-lg border border-line bg-panel p-4 hover:border-dim">
      <header className="flex min-w-0 items-start gap-3">
        <div className="min-w-0 flex-1">
          <h2 className="truncate text-base font-semibold">
            <Link to={`/strategies/${card.id}`} className="after:absolute after:inset-0">{card.name}</Link>
          </h2>
          <p className="truncate text-xs text-dim">{title} · {card.symbols.join(", ")} · {TIMEFRAMES[row.timeframe] ?? row.timeframe}</p>
        </div>
        <Chip tone={state.tone} title={state.means}>{state.word}</Chip>
      </header>
      <div className="flex items-end justify-between gap-3">
        <dl className="grid grid-cols-2 gap-x-6">
          <div>
            <dt className="text-xs text-dim" title="Won in its newest session, at the latest marks">Session{now?.session_date ? ` ${now.session_date.slice(5)}` : ""}</dt>
            <dd className="text-lg font-semibold"><Pnl amount={card.session} /></dd>
          </div>
          <div>
            <dt className="text-xs text-dim" title="Realised and unrealised, less fees">So far</dt>
            <dd className="text-lg font-semibold"><Pnl amount={card.result} /></dd>
          </div>
        </dl>
        <Sparkline values={card.points.map(({ value }) => Number(value))} label={`Realised result of ${card.name}`} />
      </div>
      <LastDecision card={card} />
      <footer className="mt-auto flex min-h-5 min-w-0 items-center gap-2 text-xs text-dim">
        {account && <ModeBadge paper={account.is_paper} />}
        <span className="truncate">{account ? accountName(account) : ""}</span>
        {row.effective_version !== row.strategy_version && card.state !== "draft" && <span className="ml-auto whitespace-nowrap text-warn">Version {row.strategy_version} is not in effect</span>}
      </footer>
    </article>
  );
}

const ACTIONS = { trade: "Traded", stay: "No trade", cancel: "Gave orders up" } as const;

function LastDecision({ card }: { card: Card }) {
  const older = useLastDecision(card.id, card.last === null && card.state !== "draft");
  const data = card.last ?? older.data;
  const known = card.state === "draft" || data === null;
  return (
    <p className="line-clamp-2 min-h-9 text-xs text-dim" {...(data ? { title: data.reason } : {})}>
      {data ? (
        <>
          <Time at={data.bar_at} /> <strong className="font-medium text-ink">{data.refused ? "Not placed" : ACTIONS[data.action]} {data.symbol}</strong>: {data.refused ?? data.reason}
        </>
      ) : known && "It has not decided anything yet."}
    </p>
  );
}
