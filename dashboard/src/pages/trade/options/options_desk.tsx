/** Option chain, leg builder and payoff of an underlying. */
import { useMemo, useState } from "react";
import { Link } from "react-router";
import type { OptionChain } from "@/api/schema";
import { useRow } from "@/live/hooks";
import { useSession } from "@/session/context";
import { Field, Select } from "@/ui/form";
import { Panel } from "@/ui/panel";
import { Empty, Loaded } from "@/ui/states";
import { ReadyToTrade } from "../placing/ready_to_trade";
import type { TradeAccount } from "../placing/use_trade_account";
import { AsOf } from "./as_of";
import { Builder } from "./builder";
import { expiriesOf, strikesOf, type Contract } from "./chain";
import { ChainTable } from "./chain_table";
import { picked, presetLegs, PRESETS, type Leg, type Preset } from "./legs";
import { yearsUntil } from "./payoff";
import { Payoff } from "./payoff_chart";
import { payoffLegs } from "./payoff_legs";
import { useChain, useExpiry } from "./use_chain";

export function OptionsDesk({ symbol, on }: { symbol: string; on: TradeAccount }) {
  const query = useChain(symbol);
  return (
    <Loaded query={query} rows={10}>
      {(taken) => taken === null || taken.contracts.length === 0
        ? <Empty>No option chain of {symbol} is taken. A chain is taken at the end of each bar while an active strategy needs it: <Link to="/strategies" className="text-accent underline">activate an option strategy on {symbol}</Link>.</Empty>
        : <Desk key={symbol} symbol={symbol} on={on} {...taken} />}
    </Loaded>
  );
}

function Desk({ symbol, on, chain, contracts }: { symbol: string; on: TradeAccount; chain: OptionChain; contracts: readonly Contract[] }) {
  const { claims } = useSession();
  const acts = claims.desk_role !== "viewer";
  const { account } = on;
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
        <ReadyToTrade title="Legs" on={on}>
          <Builder
            legs={legs} onLegs={change} account={account} accountChoice={on.choice} units={units} onUnits={setUnits} net={net} onNet={setNet}
            presets={
              <Field label="Preset" hint={preset !== "" && legs.length === 0 ? "This chain has no market in one of its strikes." : undefined}>
                <Select value={preset} onChange={(event) => event.target.value !== "" && take(event.target.value as Preset)}>
                  <option value="">Choose</option>
                  {Object.entries(PRESETS).map(([name, text]) => <option key={name} value={name}>{text}</option>)}
                </Select>
              </Field>
            }
          />
        </ReadyToTrade>
      )}
    </div>
  );
}
