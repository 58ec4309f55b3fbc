/** The legs, their price, what risk says, and the one button that asks before it sends. */
import { useState } from "react";
import Big from "big.js";
import { ArrowLeftRight } from "lucide-react";
import type { BrokerAccount } from "@/api/schema";
import { plain, price, typed, type Amount } from "@/money/amount";
import type { Unit } from "@/orders/units";
import { Button } from "@/ui/button";
import { ModeBadge } from "@/ui/figures";
import { AmountInput, Field, Select } from "@/ui/form";
import { Panel } from "@/ui/panel";
import { PlaceOrder, wantedOf, type Wanted } from "../placing/place_order";
import { Placed } from "../placing/placed";
import { PreviewPanel } from "../placing/preview_panel";
import { useBlocked } from "../placing/use_blocked";
import { usePreview } from "../placing/use_preview";
import { LegsChosen } from "./legs_chosen";
import { flipped, netPrice, onTheCent, orderOf, whole, wrongWith, type Leg } from "./legs";
import { LegsInWords } from "./legs_in_words";

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

export function Builder({ legs, onLegs, account, accountChoice, units, onUnits, net, onNet, presets }: Props) {
  const [lasts, setLasts] = useState<"day" | "gtc">("day");
  const [wanted, setWanted] = useState<Wanted | null>(null);
  const [placed, setPlaced] = useState<{ id: string; unit: Unit } | null>(null);
  const natural = netPrice(legs, "natural");
  const middle = netPrice(legs, "mid");
  const shown = net ?? (middle === null ? "" : onTheCent(middle));
  const limit = typed(shown);
  const quantity = typed(units);
  const wrong = wrongWith(legs);
  const order = account !== null && limit !== null && quantity !== null ? orderOf(legs, { account: account.id, quantity, net: limit, lasts }) : null;
  const unit: Unit = legs.length > 1 ? "units" : "contracts";
  const preview = usePreview(order);
  const why = useBlocked(account, legs.length === 0 || legs.some(({ opens }) => opens));
  const single = legs.length === 1 && limit !== null && order === null && account !== null && quantity !== null && whole(quantity);
  const review = () => {
    if (order === null || limit === null || account === null || why !== null) return;
    setWanted(wantedOf(order, { account, unit, preview, words: <LegsInWords legs={legs} net={limit} units={order.quantity ?? ""} lasts={lasts} /> }));
  };
  return (
    <Panel title="Legs" actions={account && <ModeBadge paper={account.is_paper} />}>
      <div className="flex flex-col gap-3">
        {accountChoice}
        {presets}
        <LegsChosen legs={legs} onLegs={onLegs} />
        {wrong !== null && <p role="alert" className="text-sm text-danger">{wrong}</p>}
        {legs.length > 0 && (
          <div className="flex gap-2">
            <Button small onClick={() => onLegs(flipped(legs))}><ArrowLeftRight aria-hidden className="size-3.5" />Flip sides</Button>
            <Button small onClick={() => onLegs([])}>Clear</Button>
          </div>
        )}
        <div className="grid grid-cols-2 gap-3">
          <Field label="Units" error={quantity === null || !whole(quantity) ? "A whole number above zero." : undefined}>
            <AmountInput unit={unit} value={units} onChange={(event) => onUnits(event.target.value)} />
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
        <PreviewPanel preview={preview} order={order} unit={unit} multiplier={legs[0]?.contract.multiplier ?? null} />
        <Button look="main" disabled={order === null || why !== null} aria-describedby="legs-blocked" onClick={review}>Review order</Button>
        <p id="legs-blocked" role="status" className="min-h-4 text-xs text-warn">{why}</p>
        {placed !== null && <Placed {...placed} />}
      </div>
      <PlaceOrder
        wanted={wanted}
        onClose={() => setWanted(null)}
        onPlaced={(id) => {
          setPlaced({ id, unit });
          onLegs([]);
          onNet(null);
        }}
      />
    </Panel>
  );
}

/** "$0.45 credit" */
function priced(net: Amount | null): string {
  if (net === null) return "–";
  const value = new Big(net);
  return `$${price(plain(value.abs()))}${value.eq(0) ? "" : value.gt(0) ? " debit" : " credit"}`;
}
