/** A critical alert that comes while somebody looks stays on the screen until it was seen, and is read out at once. */
import { useEffect, useRef } from "react";
import { useNavigate } from "react-router";
import { useRows } from "@/live/hooks";
import type { AlertRow } from "@/live/rows";
import { toaster } from "@/ui/announce";
import { notify } from "./notify";

export function CriticalAlerts() {
  const { rows, loaded } = useRows("alerts");
  const navigate = useNavigate();
  const known = useRef<Set<string> | null>(null);
  useEffect(() => {
    if (!loaded) return;
    if (known.current === null) {
      // What was there before is in the list; only what comes now breaks in.
      known.current = new Set(rows.map(({ id }) => id));
      return;
    }
    const before = known.current;
    for (const alert of rows.filter(({ id, acknowledged_at }) => !before.has(id) && acknowledged_at === null)) {
      before.add(alert.id);
      notify(alert);
      if (alert.severity === "critical") {
        void toaster.then((show) => show.error(alert.text, { id: alert.id, duration: Infinity, action: { label: "See", onClick: () => void navigate("/alerts") } }));
      }
    }
    for (const alert of rows) if (alert.acknowledged_at !== null) void toaster.then((show) => show.dismiss(alert.id));
  }, [rows, loaded, navigate]);
  const newest = rows.find(({ severity, acknowledged_at }) => severity === "critical" && acknowledged_at === null);
  return <span role="alert" className="sr-only">{newest ? readOut(newest) : ""}</span>;
}

function readOut(alert: AlertRow): string {
  return `Critical alert: ${alert.text}`;
}
