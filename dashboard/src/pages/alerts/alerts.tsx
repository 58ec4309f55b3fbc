/** What the platform has to tell: live, the newest first, until somebody has seen it. */
import { useMemo, useState } from "react";
import { Check, CircleAlert, Info, TriangleAlert, type LucideIcon } from "lucide-react";
import { useAcknowledge } from "@/alerts/acknowledge";
import { useRows } from "@/live/hooks";
import type { AlertRow } from "@/live/rows";
import { accountName, useAccounts } from "@/session/accounts";
import { useSession } from "@/session/context";
import { Button } from "@/ui/button";
import { Chip, FullTime, Numbers } from "@/ui/figures";
import { Segments, Select } from "@/ui/form";
import { Page, Panel } from "@/ui/panel";
import { Empty, Loading } from "@/ui/states";

const LOOKS: Record<AlertRow["severity"], { icon: LucideIcon; tone: "bad" | "warn" | "plain"; colour: string }> = {
  critical: { icon: CircleAlert, tone: "bad", colour: "text-danger" },
  warning: { icon: TriangleAlert, tone: "warn", colour: "text-warn" },
  info: { icon: Info, tone: "plain", colour: "text-dim" },
};

type Shown = "open" | "all";
type Severity = "" | AlertRow["severity"];

export function Alerts() {
  const { rows, loaded } = useRows("alerts");
  const { selected } = useAccounts();
  const [shown, setShown] = useState<Shown>("open");
  const [severity, setSeverity] = useState<Severity>("");
  const acknowledge = useAcknowledge();
  const { claims } = useSession();
  const fitting = useMemo(
    () => rows.filter((row) =>
      (shown === "all" || row.acknowledged_at === null)
      && (severity === "" || row.severity === severity)
      && (selected === null || row.broker_account_id === null || row.broker_account_id === selected.id)),
    [rows, shown, severity, selected],
  );
  const unseen = fitting.filter(({ acknowledged_at, user_id }) => acknowledged_at === null && user_id !== null);
  return (
    <Page
      title="Alerts"
      actions={
        <>
          <Segments label="Which alerts" value={shown} onChange={setShown} options={[{ value: "open", label: "Not seen" }, { value: "all", label: "All" }]} />
          <Select aria-label="Severity" className="w-40!" value={severity} onChange={(event) => setSeverity(event.target.value as Severity)}>
            <option value="">Every severity</option>
            <option value="critical">Critical</option>
            <option value="warning">Warning</option>
            <option value="info">Info</option>
          </Select>
          {claims.desk_role !== "viewer" && (
            <Button busy={acknowledge.isPending} disabled={unseen.length === 0} onClick={() => acknowledge.mutate(unseen)}>
              <Check aria-hidden className="size-4" /> Mark {unseen.length} as seen
            </Button>
          )}
        </>
      }
    >
      <Panel flush>
        {!loaded && <Loading rows={6} />}
        {loaded && fitting.length === 0 && <Empty>{shown === "open" ? "Nothing that you have not seen." : "No alert has been raised yet."}</Empty>}
        <ul className="divide-y divide-line/60">
          {fitting.map((alert) => (
            <Item key={alert.id} alert={alert} acknowledge={claims.desk_role === "viewer" ? null : () => acknowledge.mutate([alert])} />
          ))}
        </ul>
      </Panel>
    </Page>
  );
}

function Item({ alert, acknowledge }: { alert: AlertRow; acknowledge: (() => void) | null }) {
  const { icon: Icon, tone, colour } = LOOKS[alert.severity];
  const { byId } = useAccounts();
  const account = alert.broker_account_id === null ? undefined : byId.get(alert.broker_account_id);
  return (
    <li className="flex gap-3 px-4 py-3">
      <Icon aria-hidden className={`mt-0.5 size-4 shrink-0 ${colour}`} />
      <div className="min-w-0 flex-1">
        <p className="text-sm break-words">{alert.text}</p>
        <p className="mt-1 flex flex-wrap items-center gap-x-3 gap-y-1 text-xs text-dim">
          <Chip tone={tone}>{alert.severity}</Chip>
          <code>{alert.code}</code>
          <FullTime at={alert.raised_at} />
          {account && <span>{accountName(account)}</span>}
          <Numbers of={alert.numbers} />
        </p>
      </div>
      {alert.acknowledged_at === null && alert.user_id !== null && acknowledge && (
        <Button small look="quiet" onClick={acknowledge} aria-label={`Mark as seen: ${alert.text}`}>Seen</Button>
      )}
    </li>
  );
}
