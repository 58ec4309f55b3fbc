/** The whole order in words, and whether it is paper or real money: then it is sent, once. */
import type { BrokerAccount, NewOrder, OrderPreview } from "@/api/schema";
import { body } from "@/api/client";
import type { Amount } from "@/money/amount";
import { accountName } from "@/session/accounts";
import { useApi } from "@/session/context";
import { said } from "@/ui/announce";
import { Confirm } from "@/ui/dialog";
import { ModeBadge } from "@/ui/figures";
import { legInWords, netInWords, type Leg } from "./legs";

interface Props {
  order: NewOrder;
  legs: readonly Leg[];
  net: Amount;
  units: Amount;
  once: string;
  account: BrokerAccount;
  preview: OrderPreview | undefined;
  onClose: () => void;
  onPlaced: (id: string) => void;
}

export function PlaceLegs({ order, legs, net, units, once, account, preview, onClose, onPlaced }: Props) {
  const api = useApi();
  const send = async () => {
    const { id } = await body(api.POST("/api/orders", { params: { header: { "idempotency-key": once } }, body: order }));
    said("The order is placed.");
    onPlaced(id);
  };
  return (
    <Confirm open onOpenChange={(open) => !open && onClose()} title={<span className="flex items-center gap-2">Send this order? <ModeBadge paper={account.is_paper} /></span>} act={account.is_paper ? "Send paper order" : "Send order with real money"} danger={!account.is_paper} onConfirm={send}>
      <ul className="flex flex-col gap-1 text-base font-medium">{legs.map((leg) => <li key={leg.contract.symbol}>{legInWords(leg, units)}</li>)}</ul>
      <p>{legs.length > 1 ? "All legs together, " : ""}{netInWords(net)}, {order.time_in_force === "day" ? "for the day" : "good until canceled"}.</p>
      <p className="text-dim">On the {account.is_paper ? "paper" : "live"} account {accountName(account)}.</p>
      {preview === undefined && <p className="text-warn">Its preview has not come yet; risk judges it all the same.</p>}
      {preview?.verdict === "deny" && <p className="text-danger">Risk would refuse it now: {preview.text}</p>}
      {preview?.verdict === "reduce" && <p className="text-warn">Only {preview.quantity} of it would be sent.</p>}
    </Confirm>
  );
}
