/** The order ticket: what is typed, what would become of it, and the one button that asks before it sends. */
import { useState } from "react";
import type { BrokerAccount, NewOrder } from "@/api/schema";
import { useRow } from "@/live/hooks";
import { unitOf, type Unit } from "@/orders/units";
import { Button } from "@/ui/button";
import { ModeBadge } from "@/ui/figures";
import { Panel } from "@/ui/panel";
import { PlaceOrder, wantedOf, type Wanted } from "../placing/place_order";
import { Placed } from "../placing/placed";
import { PreviewPanel } from "../placing/preview_panel";
import { useBlocked } from "../placing/use_blocked";
import { usePreview } from "../placing/use_preview";
import { build, EMPTY, opens, type Draft, type Problems } from "./draft";
import { ExitFields } from "./exit_fields";
import { OrderFields } from "./order_fields";
import { exitsInWords, inWords } from "./words";

interface Props {
  symbol: string;
  account: BrokerAccount | null;
  /** Where there are several accounts and none is looked at: which to trade on. */
  accountChoice: React.ReactNode;
}

export function Ticket({ symbol, account, accountChoice }: Props) {
  const held = useRow("positions", account === null ? undefined : `${account.id} ${symbol}`);
  const position = held?.quantity;
  const [draft, setDraft] = useState<Draft>(EMPTY);
  const [touched, setTouched] = useState<ReadonlySet<string>>(new Set());
  const [wanted, setWanted] = useState<Wanted | null>(null);
  const [placed, setPlaced] = useState<string | null>(null);
  const unit = unitOf(symbol);
  const built = account === null ? { problems: {} } : build(draft, { account: account.id, symbol, position });
  const order = "order" in built ? built.order : null;
  const preview = usePreview(order);
  const opening = opens(draft, position);
  const why = useBlocked(account, opening);
  const change = (part: Partial<Draft>) => {
    setDraft((before) => ({ ...before, ...part }));
    setTouched((before) => new Set([...before, ...Object.keys(part)]));
  };
  // What was not typed yet is not wrong yet; once sent, everything is told.
  const problems: Problems = "problems" in built ? Object.fromEntries(Object.entries(built.problems).filter(([field]) => touched.has(field))) : {};
  const fields = { draft, change, problems, unit };
  const submit = () => {
    if (!("order" in built)) {
      setTouched(new Set(Object.keys(built.problems)));
      return;
    }
    if (account !== null && why === null) setWanted(wantedOf(built.order, { account, unit, preview, words: <OrderInWords order={built.order} unit={unit} /> }));
  };
  return (
    <Panel title="Order" actions={account !== null && <ModeBadge paper={account.is_paper} />}>
      <form
        aria-label="Order ticket"
        noValidate
        className="flex flex-col gap-3"
        onSubmit={(event) => {
          event.preventDefault();
          submit();
        }}
      >
        {accountChoice}
        <OrderFields {...fields} />
        {opening && <ExitFields {...fields} />}
        <PreviewPanel preview={preview} order={order} unit={unit} multiplier={unit === "shares" ? "1" : (held?.multiplier ?? null)} />
        <Button type="submit" look={draft.side === "buy" ? "main" : "danger"} disabled={why !== null} aria-describedby="ticket-blocked">
          Review {draft.side === "buy" ? "buy" : "sell"} order
        </Button>
        <p id="ticket-blocked" role="status" className="min-h-4 text-xs text-warn">{why}</p>
      </form>
      {placed !== null && <Placed id={placed} unit={unit} />}
      <PlaceOrder
        wanted={wanted}
        onClose={() => setWanted(null)}
        onPlaced={(id) => {
          setPlaced(id);
          setDraft((before) => ({ ...EMPTY, side: before.side, sized: before.sized }));
          setTouched(new Set());
        }}
      />
    </Panel>
  );
}

function OrderInWords({ order, unit }: { order: NewOrder; unit: Unit }) {
  return (
    <>
      <p className="text-base font-medium">{inWords(order, unit)}</p>
      {order.exit_plan !== undefined && <ul className="list-inside list-disc text-dim">{exitsInWords(order.exit_plan).map((one) => <li key={one}>{one}</li>)}</ul>}
    </>
  );
}
