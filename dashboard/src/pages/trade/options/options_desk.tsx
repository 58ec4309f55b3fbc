/** Option chain, leg builder and payoff of an underlying. */
import { useMemo, useState } from "react";
import Big from "big.js";
import { Link } from "react-router";
import type { BrokerAccount, OptionChain } from "@/api/schema";
import { useRow } from "@/live/hooks";
import { useFreshness } from "@/live/hooks";
import { price, typed } from "@/money/amount";
import { useSession } from "@/session/context";
import { ago } from "@/time/times";
import { Chip, FullTime } from "@/ui/figures";
import { Field, Select } from "@/ui/form";
import { Panel } from "@/ui/panel";
import { Empty, Loaded } from "@/ui/states";
import { Builder } from "./builder";
import { expiriesOf, strikesOf, type Contract } from "./chain";
import { ChainTable } from "./chain_table";
import { netPrice, onTheCent, picked, presetLegs, PRESETS, type Leg, type Preset } from "./legs";
import { yearsUntil, type PayoffLeg } from "./payoff";
import { Payoff } from "./payoff_chart";
import { useTradingAccount } from "./trading_account";
import { useChain, useExpiry } from "./use_chain";

interface Props {
  symbol: string;
  /** Where the page has chosen one already. */
  account?: BrokerAccount | null;
}

export function OptionsDesk({ symbol, account }: Props) {
  const query = useChain(symbol);
  return (
    <Loaded query={query} rows={10}>
      {(taken) => taken === null || taken.contracts.length === 0
        ? <Empty>No option chain of {symbol} is taken. A chain is taken at the end of each bar while an active strategy needs it: <Link to="/strategies" className="text-accent underline">activate an option strategy on {symbol}</Link>.</Empty>
        : <Desk key={symbol} symbol={symbol} account={account} {...taken} />}
    </Loaded>
  );
}

function Desk({ symbol, account: given, chain, contracts }: { symbol: string; account: BrokerAccount | null | undefined; chain: OptionChain; contracts: readonly Contract[] }) {
  const { claims } = useSession();
  const acts = claims.desk_role !== "viewer";
  const { account, choice } = useTradingAccount(given);
  const expiries = useMemo(() => expiriesOf(contracts), [contracts]);
  const [chosen, setChosen] = useState("");
  const expiry = expiries.includes(chosen) ? chosen : (expiries[0] ?? "");
  const shown = useExpiry(symbol, contracts, expiry);
  const rows = useMemo(() => strikesOf(shown, expiry), [shown, expiry]);
  const [kept, setLegs] = useState<readonly Leg[]>([]);
  const [units, setUnits] = useState("1");
  const [net, setNet] = useState<string | null>(null);
  const [preset, setPreset] = useState<Preset | "">("");
  // A leg is priced by its latest quote, not by that of the click.
  const legs = useMemo(() => {
    const latest = new Map([...contracts, ...shown].map((one) => [one.symbol, one]));
    return kept.map((leg) => ({ ...leg, contract: latest.get(leg.contract.symbol) ?? leg.contract }));
  }, [kept, contracts, shown]);
  const change = (next: readonly Leg[]) => {
    setLegs(next);
    // Another package has another price.
    setNet(null);
    setPreset("");
  };
  const held = useRow("positions", account === null ? undefined : `${account.id} ${symbol}`);
  const covered = preset === "covered_call";
  const payoff = useMemo(() => payoffLegs(legs, units, net, covered ? held : undefined), [legs, units, net, covered, held]);
  const take = (name: Preset) => {
    const found = presetLegs(name, rows, chain.spot);
    change(found ?? []);
    setPreset(name);
  };
  return (
    <div className="grid items-start gap-4 2xl:grid-cols-[minmax(0,1fr)_24rem]">
      <div className="flex min-w-0 flex-col gap-4">
        <Panel flush title={<AsOf symbol={symbol} chain={chain} />} actions={
          <Select aria-label="Expiry" className="w-40" value={expiry} onChange={(event) => setChosen(event.target.value)}>
            {expiries.map((one) => <option key={one} value={one}>{one}</option>)}
          </Select>
        }>
          <ChainTable label={`Options on ${symbol} of ${expiry}`} rows={rows} spot={chain.spot} legs={legs} {...(acts ? { onPick: (contract, side) => change(picked(legs, contract, side)) } : {})} />
        </Panel>
        <Panel title="Payoff" className="min-h-72">
          {payoff === null
            ? <p className="text-sm text-dim">{legs.length === 0 ? "Add a leg to see what it makes at every price." : "The payoff is drawn of legs that expire together, with a whole quantity and a price."}</p>
            : <>
              {covered && <p className="mb-2 text-sm text-dim">{payoff.some(({ right }) => right === "share") ? `With the ${symbol} shares that cover it, at their average cost.` : `The account holds too few ${symbol} shares to cover it: drawn without them.`}</p>}
              <Payoff legs={payoff} spot={Number(chain.spot)} years={yearsUntil(legs[0]?.contract.expiry ?? expiry, chain.bar_at)} rate={Number(chain.rate ?? 0)} underlying={symbol} />
            </>}
        </Panel>
      </div>
      {acts && (
        <Builder
          legs={legs} onLegs={change} account={account} accountChoice={choice} units={units} onUnits={setUnits} net={net} onNet={setNet}
          presets={
            <Field label="Preset" hint={preset !== "" && legs.length === 0 ? "This chain has no market in one of its strikes." : undefined}>
              <Select value={preset} onChange={(event) => event.target.value !== "" && take(event.target.value as Preset)}>
                <option value="">Choose</option>
                {Object.entries(PRESETS).map(([name, text]) => <option key={name} value={name}>{text}</option>)}
              </Select>
            </Field>
          }
        />
      )}
    </div>
  );
}

const OLD_AFTER_MS = 15 * 60_000;
const DAY_MS = 86_400_000;

function AsOf({ symbol, chain }: { symbol: string; chain: OptionChain }) {
  const { state } = useFreshness();
  // eslint-disable-next-line react-hooks/purity -- painted again whenever the chain is asked for
  const age = Date.now() - Date.parse(chain.bar_at);
  return (
    <div className="flex flex-wrap items-center gap-x-3 gap-y-1 text-sm">
      <h2 className="font-semibold">{symbol} ${price(chain.spot)}</h2>
      <span className="text-xs text-dim">as of <FullTime at={chain.bar_at} /> · {chain.feed}{chain.delay_seconds > 0 && `, ${chain.delay_seconds} s late`}</span>
      {state === "stale" && <Chip tone="warn">connection lost</Chip>}
      {/* Older than a day is another day's: its date says so, as in a replay. */}
      {age > OLD_AFTER_MS && age < DAY_MS && <Chip tone="warn">{ago(age)} old</Chip>}
    </div>
  );
}

/** Entered at the net price that is asked for; null where there is nothing whole to draw. */
function payoffLegs(legs: readonly Leg[], units: string, net: string | null, shares: { quantity: string; cost_basis: string } | undefined): readonly PayoffLeg[] | null {
  const quantity = typed(units);
  const middle = netPrice(legs, "mid");
  const asked = net === null ? (middle === null ? null : onTheCent(middle)) : typed(net);
  if (quantity === null || middle === null || asked === null || !(Number(quantity) > 0)) return null;
  if (new Set(legs.map(({ contract }) => contract.expiry)).size > 1) return null;
  const units_ = Number(quantity);
  // What the net price differs from the middles lies on the first leg: only the sum is real.
  const [first] = legs;
  if (!first) return null;
  const off = (Number(asked) - Number(middle)) / ((first.side === "buy" ? 1 : -1) * first.ratio);
  const drawn: PayoffLeg[] = legs.map(({ contract, side, ratio }, at) => ({
    right: contract.right,
    strike: Number(contract.strike),
    quantity: (side === "buy" ? 1 : -1) * ratio * units_,
    multiplier: Number(contract.multiplier),
    price: (Number(contract.bid) + Number(contract.ask)) / 2 + (at === 0 ? off : 0),
    volatility: contract.volatility === null ? null : Number(contract.volatility),
  }));
  const needed = units_ * Number(first.contract.multiplier);
  if (shares && new Big(shares.quantity).gte(needed)) {
    drawn.push({ right: "share", strike: 0, quantity: needed, multiplier: 1, price: Number(new Big(shares.cost_basis).div(shares.quantity)), volatility: null });
  }
  return drawn;
}
