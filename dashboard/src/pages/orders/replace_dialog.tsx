/** Puts another order in the place of a working one: its quantity and its prices. */
import { useState } from "react";
import { sentence } from "@/api/problem";
import type { OrderChange } from "@/api/schema";
import { useRow } from "@/live/hooks";
import type { TradeRow } from "@/live/rows";
import { typed } from "@/money/amount";
import { useReplace } from "@/orders/actions";
import { isReplaceable } from "@/orders/words";
import { Button } from "@/ui/button";
import { Dialog } from "@/ui/dialog";
import { AmountInput, Field } from "@/ui/form";

type Part = "quantity" | "price" | "stop_price" | "trail_price" | "trail_percent";
const PARTS: readonly { part: Part; label: string; unit: string }[] = [
  { part: "quantity", label: "Quantity, filled included", unit: "units" },
  { part: "price", label: "Limit price", unit: "$" },
  { part: "stop_price", label: "Stop price", unit: "$" },
  { part: "trail_price", label: "Trail", unit: "$" },
  { part: "trail_percent", label: "Trail", unit: "%" },
];

export function ReplaceDialog({ order, onClose }: { order: TradeRow; onClose: () => void }) {
  const now = useRow("trades", order.id) ?? order;
  const parts = PARTS.filter(({ part }) => order[part] !== null);
  const [values, setValues] = useState<Partial<Record<Part, string>>>(() => Object.fromEntries(parts.map(({ part }) => [part, order[part] ?? ""])));
  const [key] = useState(() => crypto.randomUUID());
  const replace = useReplace();
  const change: OrderChange = {};
  let wrong = false;
  for (const { part } of parts) {
    const amount = typed(values[part] ?? "");
    if (amount === null) wrong = true;
    else if (amount !== order[part]) change[part] = amount;
  }
  const moved = now.version !== order.version;
  return (
    <Dialog open onOpenChange={(open) => !open && onClose()} title={`Replace ${order.side} ${order.symbol}`} about="The new order takes the old one's place at the broker; until then the old one may still be filled.">
      <form
        className="flex flex-col gap-4"
        onSubmit={(event) => {
          event.preventDefault();
          replace.mutate({ id: order.id, version: order.version, change, key }, { onSuccess: onClose });
        }}
      >
        {parts.map(({ part, label, unit }, place) => (
          <Field key={part} label={label} error={typed(values[part] ?? "") === null ? "This is no number." : undefined}>
            <AmountInput unit={unit} autoFocus={place === 0} value={values[part] ?? ""} onChange={(event) => setValues({ ...values, [part]: event.target.value })} />
          </Field>
        ))}
        {moved && <p role="status" className="text-sm text-warn">The order has changed since you opened this. Close it and look again.</p>}
        {replace.error && <p role="alert" className="text-sm text-danger">{sentence(replace.error)}</p>}
        <div className="flex justify-end gap-2">
          <Button onClick={onClose}>Close</Button>
          <Button type="submit" look="main" busy={replace.isPending} disabled={wrong || moved || !isReplaceable(now) || Object.keys(change).length === 0}>Replace</Button>
        </div>
      </form>
    </Dialog>
  );
}
