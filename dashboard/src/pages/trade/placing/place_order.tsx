/** The whole order in words, and whether it is paper or real money: then it is sent, once. */
import type { ReactNode } from "react";
import { body } from "@/api/client";
import type { BrokerAccount, NewOrder, OrderPreview } from "@/api/schema";
import { grouped } from "@/money/amount";
import { Refusal, useSaidInSentences } from "@/orders/refusal";
import { counted, type Unit } from "@/orders/units";
import { accountName } from "@/session/accounts";
import { useApi } from "@/session/context";
import { said } from "@/ui/announce";
import { Confirm } from "@/ui/dialog";
import { ModeBadge } from "@/ui/figures";
import { intents } from "./intents";
import type { Preview } from "./use_preview";

/** An order as it was when its review was asked for: what is confirmed is what was read. */
export interface Wanted {
  order: NewOrder;
  /** Its Idempotency-Key: however often it is sent, it is one order. */
  key: string;
  account: BrokerAccount;
  unit: Unit;
  words: ReactNode;
  /** Undefined where it was not known. */
  preview: OrderPreview | undefined;
}

export function wantedOf(order: NewOrder, { account, unit, words, preview }: { account: BrokerAccount; unit: Unit; words: ReactNode; preview: Preview }): Wanted {
  return { order, key: intents.keyOf(order), account, unit, words, preview: preview.old ? undefined : preview.data };
}

export function PlaceOrder({ wanted, onClose, onPlaced }: { wanted: Wanted | null; onClose: () => void; onPlaced: (id: string) => void }) {
  const api = useApi();
  const inSentences = useSaidInSentences();
  if (wanted === null) return null;
  const { order, key, account, unit, words, preview } = wanted;
  const send = async () => {
    const sent = body(api.POST("/api/orders", { params: { header: { "idempotency-key": key } }, body: order }));
    sent.catch((error: unknown) => intents.failed(order, error));
    const { id } = await inSentences(sent);
    intents.placed(order);
    said("The order is placed.");
    onPlaced(id);
  };
  return (
    <Confirm open onOpenChange={(open) => !open && onClose()} title={<span className="flex items-center gap-2">Send this order? <ModeBadge paper={account.is_paper} /></span>} act={account.is_paper ? "Send paper order" : "Send order with real money"} danger={!account.is_paper} onConfirm={send}>
      {words}
      <p className="text-dim">On the {account.is_paper ? "paper" : "live"} account {accountName(account)}.</p>
      {preview === undefined && <p className="text-warn">Its preview has not come yet; risk judges it all the same.</p>}
      {preview?.verdict === "deny" && <p className="text-danger">Risk would refuse it now: <Refusal text={preview.text} todo={preview.do} /></p>}
      {preview?.verdict === "reduce" && <p className="text-warn">Only {counted(grouped(preview.quantity), unit)} of it would be sent.</p>}
    </Confirm>
  );
}
