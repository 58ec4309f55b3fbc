/** Closes a position or a part of it, by an order that only reduces. */
import { useState } from "react";
import { useQuery } from "@tanstack/react-query";
import Big from "big.js";
import { body } from "@/api/client";
import type { NewClose } from "@/api/schema";
import { useRows } from "@/live/hooks";
import type { PositionRow } from "@/live/rows";
import { plain, price, quantity as shown, typed } from "@/money/amount";
import { useSaidInSentences } from "@/orders/refusal";
import { accountName, useAccounts } from "@/session/accounts";
import { useApi, useSupabase } from "@/session/context";
import { said } from "@/ui/announce";
import { Confirm } from "@/ui/dialog";
import { ModeBadge } from "@/ui/figures";
import { AmountInput, Field, Segments, Select } from "@/ui/form";

interface Owner {
  owner_key: string;
  strategy_id: string | null;
  quantity: string;
}

export function CloseDialog({ position, onClose }: { position: PositionRow; onClose: () => void }) {
  const api = useApi();
  const inSentences = useSaidInSentences();
  const supabase = useSupabase();
  const account = useAccounts().byId.get(position.broker_account_id);
  const strategies = useRows("strategies").rows;
  const [once] = useState(() => crypto.randomUUID());
  const [owner, setOwner] = useState("");
  const [much, setMuch] = useState<string | null>(null);
  const [kind, setKind] = useState<"market" | "limit">("market");
  const [limit, setLimit] = useState("");
  const { symbol, broker_account_id } = position;
  const owners = useQuery({
    queryKey: ["positions", "owners", broker_account_id, symbol],
    queryFn: async (): Promise<readonly Owner[]> => {
      const { data, error } = await supabase.from("strategy_positions").select("owner_key,strategy_id,quantity::text").eq("broker_account_id", broker_account_id).eq("symbol", symbol).neq("quantity", 0).overrideTypes<Owner[], { merge: false }>();
      if (error) throw new Error(error.message);
      return data;
    },
  });
  const whose = owners.data?.find(({ owner_key }) => owner_key === owner) ?? owners.data?.[0];
  const most = plain(new Big(whose?.quantity ?? position.quantity).abs());
  const wanted = much ?? most;
  const amount = typed(wanted);
  const at = kind === "limit" ? typed(limit) : null;
  const wrong = amount === null || new Big(amount).lte(0) || new Big(amount).gt(most) ? `More than 0, at most ${shown(most)}.` : undefined;
  const noPrice = kind === "limit" && at === null ? "Enter a price." : undefined;
  const side = new Big(whose?.quantity ?? position.quantity).gt(0) ? "Sell" : "Buy back";
  const unit = position.multiplier === "1" ? "shares" : "contracts";
  const ready = wrong === undefined && noPrice === undefined && amount !== null;
  const send = async () => {
    if (!ready) throw new Error("Mend what is marked first.");
    const close: NewClose = {
      broker_account_id,
      quantity: amount,
      time_in_force: "day",
      ...(at === null ? {} : { price: at }),
      ...(whose?.strategy_id == null ? {} : { strategy_id: whose.strategy_id }),
    };
    await inSentences(body(api.POST("/api/positions/{symbol}/close", { params: { path: { symbol }, header: { "idempotency-key": once } }, body: close })));
    said("The position is being closed.");
  };
  return (
    <Confirm open onOpenChange={(open) => !open && onClose()} danger act="Close it" ready={ready} onConfirm={send} title={<span className="flex items-center gap-2">Close {symbol} {account && <ModeBadge paper={account.is_paper} />}</span>}>
      {(owners.data?.length ?? 0) > 1 && (
        <Field label="Whose">
          <Select value={whose?.owner_key} onChange={(event) => { setOwner(event.target.value); setMuch(null); }}>
            {owners.data?.map((one) => <option key={one.owner_key} value={one.owner_key}>{one.strategy_id === null ? "by hand" : (strategies.find(({ id }) => id === one.strategy_id)?.name ?? "a strategy")}: {shown(one.quantity)}</option>)}
          </Select>
        </Field>
      )}
      <Field label="Quantity" error={wrong}><AmountInput unit={unit} value={wanted} onChange={(event) => setMuch(event.target.value)} /></Field>
      <Segments label="How" value={kind} onChange={setKind} options={[{ value: "market", label: "At the market" }, { value: "limit", label: "Limit" }]} />
      {kind === "limit" && <Field label="Limit price" error={noPrice}><AmountInput unit="$" value={limit} onChange={(event) => setLimit(event.target.value)} /></Field>}
      <p className="font-medium">{side} {shown(amount)} {unit} of {symbol} {at === null ? "at the market" : `at $${price(at)} or better`}, for the day{account && `, on ${accountName(account)}`}.</p>
    </Confirm>
  );
}
