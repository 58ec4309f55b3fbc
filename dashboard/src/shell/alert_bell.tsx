/** Alerts that nobody has seen yet, counted; a new one is read out. */
import { Bell } from "lucide-react";
import { useMemo } from "react";
import { Link } from "react-router";
import { useRows } from "@/live/hooks";

export function AlertBell() {
  const { rows } = useRows("alerts");
  const open = useMemo(() => rows.filter(({ acknowledged_at }) => acknowledged_at === null), [rows]);
  const worst = open.some(({ severity }) => severity === "critical");
  const [newest] = open;
  return (
    <>
      <Link to="/alerts" aria-label={`Alerts: ${open.length} not seen`} title="Alerts" className="relative inline-flex size-8 items-center justify-center rounded-md text-dim hover:bg-raised hover:text-ink">
        <Bell aria-hidden className="size-4.5" />
        {open.length > 0 && (
          <span aria-hidden className={`absolute -top-0.5 -right-0.5 min-w-4 rounded-full px-1 text-center text-[10px] leading-4 font-bold ${worst ? "bg-danger text-on-danger" : "bg-raised text-ink"}`}>
            {open.length > 99 ? "99+" : open.length}
          </span>
        )}
      </Link>
      <span aria-live="polite" className="sr-only">{newest ? `Alert: ${newest.text}` : ""}</span>
    </>
  );
}
