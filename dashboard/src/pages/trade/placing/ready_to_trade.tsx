/** What stands where an order is made, for whoever cannot make one: a viewer, or who has no account yet. */
import type { ReactNode } from "react";
import { Link } from "react-router";
import { useSession } from "@/session/context";
import { Panel } from "@/ui/panel";
import { Empty, Loading } from "@/ui/states";
import type { TradeAccount } from "./use_trade_account";

export function ReadyToTrade({ title, on: { loading, none }, children }: { title: string; on: TradeAccount; children: ReactNode }) {
  const { claims } = useSession();
  if (claims.desk_role === "viewer") return <Panel title={title}><p className="text-sm text-dim">You may look, but not trade.</p></Panel>;
  if (loading) return <Panel title={title}><Loading rows={18} /></Panel>;
  if (none) return <Panel title={title}><Empty action={<Link to="/accounts" className="text-accent underline">Link a broker account</Link>}>To trade, link a broker account first; a paper account costs nothing.</Empty></Panel>;
  return children;
}
