/** The order ticket: what is typed, what would become of it, and the one button that asks before it sends. */
import { useState } from "react";
import type { BrokerAccount } from "@/api/schema";
import { useFreshness, useRow, useRows } from "@/live/hooks";
import { isOption } from "@/live/quotes";
import { useSession } from "@/session/context";
import { Button } from "@/ui/button";
import { ModeBadge } from "@/ui/figures";
import { Panel } from "@/ui/panel";
import { blocked } from "./blocked";
import { build, EMPTY, opens, type Draft, type Problems } from "./draft";
import { ExitFields } from "./exit_fields";
import { OrderFields } from "./order_fields";
import { Placed } from "./placed";
import { PlaceOrder, type Wanted } from "./place_order";
import { PreviewPanel } from "./preview_panel";
import { usePreview } from "./use_preview";

interface Props {
  symbol: string;
  account: BrokerAccount | null;
  /** Where there are several accounts and none is looked at: which to trade on. */
  accountChoice: React.ReactNode;
}

export function Ticket({ symbol, account, accountChoice }: Props) {
  const { session, claims } = useSession();
  const { state } = useFreshness();
  const gates = useRows("gates").rows;
  const position = useRow("positions", account === null ? undefined : `${account.id} ${symbol}`)?.quantity;
  const [draft, setDraft] = useState<Draft>(EMPTY);
  const [touched, setTouched] = useState<ReadonlySet<string>>(new Set());
  const [wanted, setWanted] = useState<Wanted | null>(null);
  const [placed, setPlaced] = useState<string | null>(null);
  const unit = isOption(symbol) ? "contracts" : "shares";
  const built = account === null ? { problems: {} } : build(draft, { account: account.id, symbol, position });
  const order = "order" in built ? built.order : null;
  const preview = usePreview(order);
  const opening = opens(draft, position);
  const why = blocked({ viewer: claims.desk_role === "viewer", user: session.user.id, account, freshness: state, gates, opening });
  const change = (part: Partial<Draft>) => {
    setDraft((before) => ({ ...before, ...part }));
    setTouched((before) => new Set([...before, ...Object.keys(part)]));
  };
  // What was not typed yet is not wrong yet; once sent, everything is told.
  const problems: Problems = "problems" in built ? Object.fromEntries(Object.entries(built.problems).filter(([field]) => touched.has(field))) : {};
  const submit = () => {
    if (!("order" in built)) {
      setTouched(new Set(Object.keys(built.problems)));
      return;
    }
    // One key for one order that is confirmed: however often it is sent, it is one order.
    if (account !== null && why === null) setWanted({ order: built.order, key: crypto.randomUUID(), account, preview: preview.old ? undefined : preview.data });
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
        <OrderFields draft={draft} change={change} problems={problems} unit={unit} />
        {opening && <ExitFields draft={draft} change={change} problems={problems} shares={unit === "shares"} />}
        <PreviewPanel preview={preview} order={order} unit={unit} />
        <Button type="submit" look={draft.side === "buy" ? "main" : "danger"} disabled={why !== null} aria-describedby="ticket-blocked">
          Review {draft.side === "buy" ? "buy" : "sell"} order
        </Button>
        <p id="ticket-blocked" role="status" className="min-h-4 text-xs text-warn">{why}</p>
      </form>
      {placed !== null && <Placed id={placed} unit={unit} />}
      <PlaceOrder
        wanted={wanted}
        unit={unit}
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
