/** The legs, their price, what risk says, and the one button that asks before it sends. */
import { useState } from "react";
import Big from "big.js";
import { ArrowLeftRight, X } from "lucide-react";
import type { BrokerAccount, NewOrder } from "@/api/schema";
import { plain, price, typed, type Amount } from "@/money/amount";
import { Button, IconButton } from "@/ui/button";
import { ModeBadge } from "@/ui/figures";
import { AmountInput, Field, Select } from "@/ui/form";
import { Panel } from "@/ui/panel";
import { contractName, flipped, MOST_RATIO, netPrice, onTheCent, orderOf, whole, wrongWith, type Leg } from "./legs";
import { PlaceLegs } from "./place_legs";
import { useOrderPreview } from "./use_preview";
import { Verdict } from "./verdict";

interface Props {
  legs: readonly Leg[];
  onLegs: (legs: readonly Leg[]) => void;
  account: BrokerAccount | null;
  accountChoice: React.ReactNode;
  units: string;
  onUnits: (units: string) => void;
  /** What was typed; null follows the middle. */
  net: string | null;
  onNet: (net: string | null) => void;
  presets: React.ReactNode;
}

interface Wanted {
  order: NewOrder;
  net: Amount;
  legs: readonly Leg[];
  /** One for each order that is confirmed: however often it is sent, it is one order. */
  once: string;
}

export function Builder({ legs, onLegs, account, accountChoice, units, onUnits, net, onNet, presets }: Props) {
  const [lasts, setLasts] = useState<"day" | "gtc">("day");
  const [wanted, setWanted] = useState<Wanted | null>(null);
  const natural = netPrice(legs, "natural");
  const middle = netPrice(legs, "mid");
  const shown = net ?? (middle === null ? "" : onTheCent(middle));
  const limit = typed(shown);
  const quantity = typed(units);
  const wrong = wrongWith(legs);
  const order = account !== null && limit !== null && quantity !== null ? orderOf(legs, { account: account.id, quantity, net: limit, lasts }) : null;
  const preview = useOrderPreview(order);
  const change = (at: number, part: Partial<Leg>) => onLegs(legs.map((leg, place) => (place === at ? { ...leg, ...part } : leg)));
  const single = legs.length === 1 && limit !== null && order === null && account !== null && quantity !== null && whole(quantity);
  return (
    <Panel title="Legs" actions={account && <ModeBadge paper={account.is_paper} />}>
      <div className="flex flex-col gap-3">
        {accountChoice}
        {presets}
        <ol aria-label="Legs" className="flex min-h-20 flex-col gap-2">
          {legs.length === 0 && <li className="text-sm text-dim">Click an ask to buy, a bid to sell, or take a preset.</li>}
          {legs.map((leg, at) => (
            <li key={leg.contract.symbol} className="grid grid-cols-[auto_1fr_auto_auto_auto] items-center gap-1.5 text-sm tabular-nums">
              <Button small className={leg.side === "buy" ? "text-gain" : "text-loss"} aria-label={`${leg.side === "buy" ? "Buy" : "Sell"} ${contractName(leg.contract)}: change side`} onClick={() => change(at, { side: leg.side === "buy" ? "sell" : "buy" })}>{leg.side === "buy" ? "Buy +" : "Sell −"}</Button>
              <span className="min-w-0 truncate">{contractName(leg.contract)}</span>
              <Select aria-label={`Intent of ${contractName(leg.contract)}`} className="h-7 w-20 px-1 text-xs" value={leg.opens ? "open" : "close"} onChange={(event) => change(at, { opens: event.target.value === "open" })}>
                <option value="open">to open</option>
                <option value="close">to close</option>
              </Select>
              <Select aria-label={`Ratio of ${contractName(leg.contract)}`} className="h-7 w-14 px-1 text-xs" value={leg.ratio} onChange={(event) => change(at, { ratio: Number(event.target.value) })}>
                {Array.from({ length: MOST_RATIO }, (_, place) => <option key={place} value={place + 1}>× {place + 1}</option>)}
              </Select>
              <IconButton label={`Remove ${contractName(leg.contract)}`} className="size-7" onClick={() => onLegs(legs.filter((_, place) => place !== at))}><X aria-hidden className="size-4" /></IconButton>
            </li>
          ))}
        </ol>
        {wrong !== null && <p role="alert" className="text-sm text-danger">{wrong}</p>}
        {legs.length > 0 && (
          <div className="flex gap-2">
            <Button small onClick={() => onLegs(flipped(legs))}><ArrowLeftRight aria-hidden className="size-3.5" />Flip sides</Button>
            <Button small onClick={() => onLegs([])}>Clear</Button>
          </div>
        )}
        <div className="grid grid-cols-2 gap-3">
          <Field label="Units" error={quantity === null || !whole(quantity) ? "A whole number above zero." : undefined}>
            <AmountInput unit={legs.length > 1 ? "units" : "contracts"} value={units} onChange={(event) => onUnits(event.target.value)} />
          </Field>
          <Field label="Lasts">
            <Select value={lasts} onChange={(event) => setLasts(event.target.value as "day" | "gtc")}>
              <option value="day">for the day</option>
              <option value="gtc">until canceled</option>
            </Select>
          </Field>
        </div>
        <Field label="Net limit price" hint="A share of one unit: positive pays (debit), negative receives (credit)." error={shown !== "" && limit === null ? "This is no number." : single ? "Buying one leg costs something, selling it brings something: mind the sign." : undefined}>
          <AmountInput unit="$" value={shown} onChange={(event) => onNet(event.target.value)} />
        </Field>
        <dl className="grid grid-cols-2 gap-2 text-sm tabular-nums">
          {([["Natural", natural], ["Mid", middle]] as const).map(([name, value]) => (
            <div key={name} className="flex items-center gap-2">
              <dt className="text-xs text-dim">{name}</dt>
              <dd>{priced(value)}</dd>
              {value !== null && <Button small look="quiet" onClick={() => onNet(onTheCent(value))} aria-label={`Use the ${name.toLowerCase()} price`}>use</Button>}
            </div>
          ))}
        </dl>
        <Verdict preview={preview} asked={order !== null} />
        <Button look="main" disabled={order === null} onClick={() => order !== null && limit !== null && setWanted({ order, net: limit, legs, once: crypto.randomUUID() })}>Review order</Button>
      </div>
      {wanted !== null && account !== null && (
        <PlaceLegs
          {...wanted}
          units={wanted.order.quantity ?? ""}
          account={account}
          preview={preview.old ? undefined : preview.data}
          onClose={() => setWanted(null)}
          onPlaced={() => {
            onLegs([]);
            onNet(null);
          }}
        />
      )}
    </Panel>
  );
}

/** "$0.45 credit" */
function priced(net: Amount | null): string {
  if (net === null) return "–";
  const value = new Big(net);
  return `$${price(plain(value.abs()))}${value.eq(0) ? "" : value.gt(0) ? " debit" : " credit"}`;
}
