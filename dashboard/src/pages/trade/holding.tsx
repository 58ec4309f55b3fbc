/** What is held of the symbol, what it is worth, and how it is got out of. */
import Big from "big.js";
import type { Exit } from "@/api/schema";
import type { PositionRow } from "@/live/rows";
import { useMarks } from "@/live/quotes";
import { dollars, grouped, MISSING, plain, price, quantity } from "@/money/amount";
import { useAccounts, accountName } from "@/session/accounts";
import { Chip, FullTime, ModeBadge, Pnl } from "@/ui/figures";
import { Figure, Panel } from "@/ui/panel";
import { Loading } from "@/ui/states";
import { trailOf } from "./chart/marks";

interface Props {
  symbol: string;
  positions: readonly PositionRow[];
  exits: readonly Exit[];
  /** Whether it is known what is held. */
  loaded: boolean;
}

export function Holding({ symbol, positions, exits, loaded }: Props) {
  const held = positions.filter((one) => !new Big(one.quantity).eq(0));
  return (
    <Panel title={`Position in ${symbol}`}>
      {!loaded && <Loading rows={2} />}
      {loaded && held.length === 0 && <p className="min-h-12 text-sm text-dim">Nothing of {symbol} is held{positions.length > 0 && " any more"}.</p>}
      <ul className="flex flex-col gap-4">
        {held.map((one) => <One key={one.broker_account_id} position={one} />)}
      </ul>
      {exits.length > 0 && (
        <ul aria-label="Exits" className="mt-3 flex flex-col gap-1.5 border-t border-line pt-3">
          {exits.map((exit) => <OneExit key={exit.id} exit={exit} />)}
        </ul>
      )}
    </Panel>
  );
}

function One({ position }: { position: PositionRow }) {
  const { byId } = useAccounts();
  const mark = useMarks([position.symbol]).get(position.symbol);
  const account = byId.get(position.broker_account_id);
  const units = new Big(position.quantity).times(position.multiplier);
  const worth = mark ? plain(units.times(mark.mark)) : null;
  const open = worth === null ? null : plain(new Big(worth).minus(position.cost_basis));
  return (
    <li>
      {account && <p className="mb-2 flex items-center gap-2 text-xs text-dim">{accountName(account)} <ModeBadge paper={account.is_paper} /></p>}
      <dl className="grid grid-cols-2 gap-3 sm:grid-cols-3">
        <Figure name="Quantity" hint={new Big(position.quantity).lt(0) ? "short" : "long"}>{quantity(position.quantity)}</Figure>
        <Figure name="Average entry">${price(plain(new Big(position.cost_basis).div(units).abs()))}</Figure>
        <Figure name="Mark" hint={mark ? <FullTime at={mark.marked_at} /> : "none yet"}>{mark ? `$${price(mark.mark)}` : MISSING}</Figure>
        <Figure name="Market value">{dollars(worth)}</Figure>
        <Figure name="Open result"><Pnl amount={open} /></Figure>
        <Figure name="Realised" hint={`fees ${dollars(position.fees)}`}><Pnl amount={position.realised_pnl} /></Figure>
      </dl>
    </li>
  );
}

function OneExit({ exit }: { exit: Exit }) {
  const trail = trailOf(exit);
  const said = [
    exit.stop_price !== null && `stop $${price(exit.stop_price)}`,
    exit.target_price !== null && `target $${price(exit.target_price)}`,
    exit.trail_amount !== null && `trail $${price(exit.trail_amount)}`,
    exit.trail_percent !== null && `trail ${grouped(exit.trail_percent)} %`,
    trail !== null && `now at $${price(trail)}`,
    exit.held === "broker" && "rests at the broker",
  ].filter((one) => one !== false);
  return (
    <li className="flex flex-wrap items-center gap-2 text-sm tabular-nums">
      <Chip tone={exit.status === "armed" ? "accent" : "warn"}>{exit.status}</Chip>
      {said.join(" · ")}
      {exit.exit_at !== null && <span>at <FullTime at={exit.exit_at} /></span>}
      {exit.blind_since !== null && <Chip tone="bad">sees no price since <FullTime at={exit.blind_since} /></Chip>}
    </li>
  );
}
