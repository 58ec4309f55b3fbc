/** The whole order in words, and whether it is paper or real money: then it is sent, once. */
import { body } from "@/api/client";
import type { BrokerAccount, NewOrder, OrderPreview } from "@/api/schema";
import { accountName } from "@/session/accounts";
import { useApi } from "@/session/context";
import { said } from "@/ui/announce";
import { Confirm } from "@/ui/dialog";
import { ModeBadge } from "@/ui/figures";
import { exitsInWords, inWords } from "./words";

export interface Wanted {
  order: NewOrder;
  /** The Idempotency-Key of this confirmation. */
  key: string;
  account: BrokerAccount;
  /** As it was when the button was pressed; undefined where it was not known. */
  preview: OrderPreview | undefined;
}

interface Props {
  wanted: Wanted | null;
  unit: string;
  onClose: () => void;
  onPlaced: (id: string) => void;
}

export function PlaceOrder({ wanted, unit, onClose, onPlaced }: Props) {
  const api = useApi();
  if (wanted === null) return null;
  const { order, key, account, preview } = wanted;
  const send = async () => {
    const { id } = await body(api.POST("/api/orders", { params: { header: { "idempotency-key": key } }, body: order }));
    said("The order is placed.");
    onPlaced(id);
  };
  return (
    <Confirm open onOpenChange={(open) => !open && onClose()} title={<span className="flex items-center gap-2">Send this order? <ModeBadge paper={account.is_paper} /></span>} act={account.is_paper ? "Send paper order" : "Send order with real money"} danger={!account.is_paper} onConfirm={send}>
      <p className="text-base font-medium">{inWords(order, unit)}</p>
      {order.exit_plan !== undefined && <ul className="list-inside list-disc text-dim">{exitsInWords(order.exit_plan).map((one) => <li key={one}>{one}</li>)}</ul>}
      <p className="text-dim">On the {account.is_paper ? "paper" : "live"} account {accountName(account)}.</p>
      {preview === undefined && <p className="text-warn">Its preview has not come yet; risk judges it all the same.</p>}
      {preview?.verdict === "deny" && <p className="text-danger">Risk would refuse it now: {preview.text}</p>}
      {preview?.verdict === "reduce" && <p className="text-warn">Only {preview.quantity} {unit} of it would be sent.</p>}
    </Confirm>
  );
}
