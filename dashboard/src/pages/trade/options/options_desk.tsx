/** Option chain, leg builder and payoff of the underlying. */
import type { BrokerAccount } from "@/api/schema";
import { Empty } from "@/ui/states";

export function OptionsDesk({ symbol }: { symbol: string; account: BrokerAccount | null }) {
  return <Empty>The options of {symbol} are still to come.</Empty>;
}
