/** Another price or quantity for a working order: the broker puts a new order in its place. */
import { useState } from "react";
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { body } from "@/api/client";
import { sentence } from "@/api/problem";
import type { OrderChange } from "@/api/schema";
import { plain, typed, big } from "@/money/amount";
import { useSaidInSentences } from "@/orders/refusal";
import { useAccounts } from "@/session/accounts";
import { useApi } from "@/session/context";
import { said } from "@/ui/announce";
import { Button } from "@/ui/button";
import { Dialog } from "@/ui/dialog";
import { ModeBadge } from "@/ui/figures";
import { AmountInput, Field } from "@/ui/form";
import { terms, type Order } from "./order_rows";

type Changed = "price" | "stop_price" | "trail_price" | "trail_percent" | "quantity";
const FIELDS: readonly { name: Changed; label: string; unit: string }[] = [
  { name: "price", label: "Limit price", unit: "USD" },
  { name: "stop_price", label: "Stop price", unit: "USD" },
  { name: "trail_price", label: "Trail", unit: "USD" },
  { name: "trail_percent", label: "Trail", unit: "%" },
  { name: "quantity", label: "Quantity", unit: "units" },
];

/** What differs from the order, as the API takes it; null where something is no number. */
export function changeOf(order: Order, given: Readonly<Partial<Record<Changed, string>>>): OrderChange | null {
  const change: OrderChange = {};
  for (const { name } of FIELDS) {
    const now = order[name];
    const text = given[name];
    if (now === null || text === undefined) continue;
    const amount = typed(text);
    if (amount === null) return null;
    if (!big(amount).eq(now)) change[name] = amount;
  }
  return change;
}

export function ReplaceOrder({ order, onClose }: { order: Order; onClose: () => void }) {
  const api = useApi();
  const queries = useQueryClient();
  const inSentences = useSaidInSentences();
  const { byId } = useAccounts();
  const paper = byId.get(order.broker_account_id)?.is_paper;
  const fields = FIELDS.filter(({ name }) => order[name] !== null);
  // Of the order as it was when the dialog opened: what came since is refused by its version.
  const [given, setGiven] = useState(() => Object.fromEntries(fields.map(({ name }) => [name, plain(big(order[name] ?? "0"))])) as Partial<Record<Changed, string>>);
  const [seen] = useState(order.version);
  const [attempt, setAttempt] = useState(() => crypto.randomUUID());
  const change = changeOf(order, given);
  const changes = change !== null && Object.keys(change).length > 0;
  const replace = useMutation({
    meta: { shown: true },
    mutationFn: () => inSentences(body(api.PUT("/api/orders/{id}", {
      params: { path: { id: order.id }, header: { "if-match": `"${seen}"`, "idempotency-key": attempt } },
      body: change ?? {},
    }))),
    onSuccess: () => {
      said("The broker is asked to put the new order in its place.");
      onClose();
    },
    onSettled: () => Promise.all([queries.invalidateQueries({ queryKey: ["trades"] }), queries.invalidateQueries({ queryKey: ["trade"] })]),
  });
  return (
    <Dialog
      open
      onOpenChange={(open) => !open && onClose()}
      title={<span className="flex items-center gap-2">Replace {order.side} {order.symbol} {paper !== undefined && <ModeBadge paper={paper} />}</span>}
      about={`Now ${terms(order)}. Until the broker says that it is replaced, the order as it is may fill.`}
    >
      <form
        className="flex flex-col gap-4"
        onSubmit={(event) => {
          event.preventDefault();
          replace.mutate();
        }}
      >
        {fields.map(({ name, label, unit }, at) => (
          <Field
            key={name}
            label={label}
            hint={name === "quantity" ? "Of the whole order, what is filled already included." : undefined}
            error={typed(given[name] ?? "") === null ? "This is no number." : undefined}
          >
            <AmountInput
              unit={unit}
              required
              autoFocus={at === 0}
              value={given[name] ?? ""}
              onChange={(event) => {
                setGiven({ ...given, [name]: event.target.value });
                // Another request than the one before: it has a name of its own.
                setAttempt(crypto.randomUUID());
              }}
            />
          </Field>
        ))}
        {replace.error && <p role="alert" className="text-sm text-danger">{sentence(replace.error)}</p>}
        <div className="flex justify-end gap-2">
          <Button onClick={onClose}>Keep as it is</Button>
          <Button type="submit" look={paper === false ? "danger" : "main"} busy={replace.isPending} disabled={!changes}>Replace the order</Button>
        </div>
      </form>
    </Dialog>
  );
}
