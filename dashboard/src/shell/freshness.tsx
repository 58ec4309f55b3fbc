/** Whether what is shown is what is: always in sight, and loud when it is not. */
import clsx from "clsx";
import { useEffect, useState } from "react";
import { useFreshness, useLive } from "@/live/hooks";
import { ago } from "@/time/times";

export function FreshnessBadge() {
  const freshness = useFreshness();
  const live = useLive();
  const now = useEverySecond(freshness.state === "stale");
  const text = freshness.state === "live" ? "Live" : freshness.state === "connecting" ? "Connecting" : `Stale ${ago(now - freshness.since)}`;
  return (
    <button
      type="button"
      title={freshness.state === "stale" ? `${freshness.why} Click to ask now.` : "Changes are shown as they happen. Click to ask now."}
      onClick={() => void live.refresh()}
      data-freshness={freshness.state}
      className={clsx(
        "inline-flex h-6 items-center gap-1.5 rounded-full border px-2 text-xs font-medium whitespace-nowrap",
        freshness.state === "live" && "border-line text-dim",
        freshness.state === "connecting" && "border-line text-dim",
        freshness.state === "stale" && "border-warn bg-warn/15 text-warn",
      )}
    >
      <span aria-hidden className={clsx("size-2 rounded-full", freshness.state === "live" ? "bg-gain" : freshness.state === "stale" ? "bg-warn" : "animate-pulse bg-dim")} />
      <span role="status">{text}</span>
    </button>
  );
}

function useEverySecond(on: boolean): number {
  const [now, setNow] = useState(() => Date.now());
  useEffect(() => {
    if (!on) return;
    const timer = setInterval(() => setNow(Date.now()), 1000);
    return () => clearInterval(timer);
  }, [on]);
  return now;
}
