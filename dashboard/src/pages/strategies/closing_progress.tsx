/** How far the closing of a stopped strategy is. */
import { FullTime } from "@/ui/figures";
import { useDeactivation } from "@/strategies/data";
import { WAITING } from "@/strategies/wording";

export function ClosingProgress({ id }: { id: string }) {
  const { data } = useDeactivation(id);
  if (!data) return null;
  const flattening = data.then === "flatten";
  return (
    <section aria-label="Closing" role="status" className="flex flex-wrap items-center gap-x-5 gap-y-1 rounded-lg border border-line bg-panel px-4 py-3 text-sm">
      <strong className="font-semibold">
        {data.complete ? (flattening ? "Everything is closed" : "Its entries are canceled") : (flattening ? "Closing everything" : "Canceling its entries")}
      </strong>
      <span className="tabular-nums text-dim">
        {flattening && <>{data.open_positions} open positions · </>}{data.working_entries} working entries · {data.working_exits} working exits
      </span>
      {data.waiting_for !== null && <span className="text-warn">Waits for {WAITING[data.waiting_for] ?? data.waiting_for}.</span>}
      <span className="ml-auto text-xs text-dim">Asked <FullTime at={data.asked_at} /></span>
    </section>
  );
}
