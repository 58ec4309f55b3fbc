/** Side, size, type and life of the order. */
import { AmountInput, Checkbox, Field, Segments, Select } from "@/ui/form";
import { hasPrice, hasStopPrice, mayBeExtended, mayBeNotional, trails, type Draft, type Fields, type OrderType, type TimeInForce } from "./draft";
import { TrailFields } from "./trail_fields";

const TYPES: readonly { value: OrderType; label: string }[] = [
  { value: "market", label: "Market" },
  { value: "limit", label: "Limit" },
  { value: "stop", label: "Stop" },
  { value: "stop_limit", label: "Stop limit" },
  { value: "trailing_stop", label: "Trailing stop" },
];

const LIVES: readonly { value: TimeInForce; label: string }[] = [
  { value: "day", label: "Day" },
  { value: "gtc", label: "Until canceled (GTC)" },
  { value: "ioc", label: "Immediate or cancel" },
  { value: "fok", label: "Fill or kill" },
  { value: "opg", label: "Opening auction" },
  { value: "cls", label: "Closing auction" },
];

export function OrderFields({ draft, change, problems, unit }: Fields) {
  const sized = draft.sized === "quantity" ? unit : "dollars";
  return (
    <>
      <div className="flex flex-wrap items-center justify-between gap-2">
        <Segments label="Side" value={draft.side} onChange={(side) => change({ side })} options={[{ value: "buy", label: "Buy" }, { value: "sell", label: "Sell" }]} />
        <Segments label="Sized by" value={draft.sized} onChange={(value) => change({ sized: value, amount: "" })} options={[{ value: "quantity", label: unit === "shares" ? "Shares" : "Contracts" }, { value: "notional", label: "Dollars" }]} />
      </div>
      <div className="grid grid-cols-2 gap-3">
        <Field label={draft.sized === "quantity" ? "Quantity" : "Amount"} error={problems.amount}>
          <AmountInput unit={sized} value={draft.amount} onChange={(event) => change({ amount: event.target.value })} />
        </Field>
        <Field label="Intent" hint="By what you hold, or as you say.">
          <Select value={draft.intent} onChange={(event) => change({ intent: event.target.value as Draft["intent"] })}>
            <option value="auto">By position</option>
            <option value="open">{draft.side === "buy" ? "Buy to open" : "Sell short"}</option>
            <option value="close">{draft.side === "buy" ? "Buy to close" : "Sell to close"}</option>
          </Select>
        </Field>
        <Field label="Type">
          <Select value={draft.orderType} onChange={(event) => change({ orderType: event.target.value as OrderType })}>
            {TYPES.map(({ value, label }) => <option key={value} value={value}>{label}</option>)}
          </Select>
        </Field>
        <Field label="Time in force">
          <Select value={draft.timeInForce} onChange={(event) => change({ timeInForce: event.target.value as TimeInForce })}>
            {LIVES.filter(({ value }) => draft.sized === "quantity" || value === "day" || value === draft.timeInForce).map(({ value, label }) => <option key={value} value={value}>{label}</option>)}
          </Select>
        </Field>
        {hasStopPrice(draft) && (
          <Field label="Stop price" error={problems.stopPrice}>
            <AmountInput unit="$" value={draft.stopPrice} onChange={(event) => change({ stopPrice: event.target.value })} />
          </Field>
        )}
        {hasPrice(draft) && (
          <Field label="Limit price" error={problems.price}>
            <AmountInput unit="$" value={draft.price} onChange={(event) => change({ price: event.target.value })} />
          </Field>
        )}
        {trails(draft) && <TrailFields label="Trails by" inLabel="Trail in" value={draft.trail} unit={draft.trailIn} error={problems.trail} onValue={(trail) => change({ trail })} onUnit={(trailIn) => change({ trailIn })} />}
      </div>
      <div className="flex flex-wrap gap-x-4 gap-y-2">
        <Checkbox label="Reduce only" checked={draft.reduceOnly} onChange={(event) => change({ reduceOnly: event.target.checked })} />
        <Checkbox
          label="Extended hours"
          checked={draft.extendedHours && mayBeExtended(draft)}
          disabled={!mayBeExtended(draft)}
          title={mayBeExtended(draft) ? "Also before and after the regular session" : "Limit orders of a quantity, for the day"}
          onChange={(event) => change({ extendedHours: event.target.checked })}
        />
      </div>
      {draft.sized === "notional" && !mayBeNotional(draft) && <p className="text-xs text-warn">Dollars are traded for the day and in the regular session.</p>}
    </>
  );
}
