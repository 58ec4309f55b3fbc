/** Of which moment the chain is, and by whom; an old one is shown as old. */
import { useFreshness } from "@/live/hooks";
import type { OptionChain } from "@/api/schema";
import { price } from "@/money/amount";
import { ago } from "@/time/times";
import { Chip, FullTime } from "@/ui/figures";

const OLD_AFTER_MS = 15 * 60_000;
const DAY_MS = 86_400_000;

export function AsOf({ symbol, chain }: { symbol: string; chain: OptionChain }) {
  const { state } = useFreshness();
  // eslint-disable-next-line react-hooks/purity -- painted again whenever the chain is asked for
  const age = Date.now() - Date.parse(chain.bar_at);
  return (
    <div className="flex flex-wrap items-center gap-x-3 gap-y-1 text-sm">
      <h2 className="font-semibold">{symbol} ${price(chain.spot)}</h2>
      <span className="text-xs text-dim">as of <FullTime at={chain.bar_at} /> · {chain.feed}{chain.delay_seconds > 0 && `, ${chain.delay_seconds} s late`}</span>
      {state === "stale" && <Chip tone="warn">connection lost</Chip>}
      {/* Older than a day is another day's: its date says so, as in a replay. */}
      {age > OLD_AFTER_MS && age < DAY_MS && <Chip tone="warn">{ago(age)} old</Chip>}
    </div>
  );
}
