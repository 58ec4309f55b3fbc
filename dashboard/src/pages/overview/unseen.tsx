/** The newest alerts that nobody has seen, to be marked as seen in their place. */
import { Link } from "react-router";
import { useAcknowledge } from "@/alerts/acknowledge";
import { useRows } from "@/live/hooks";
import { useAccounts } from "@/session/accounts";
import { useSession } from "@/session/context";
import { Button } from "@/ui/button";
import { FullTime } from "@/ui/figures";
import { Panel } from "@/ui/panel";
import { Loading } from "@/ui/states";

const MOST = 5;

export function Unseen() {
  const { rows, loaded } = useRows("alerts");
  const { selected } = useAccounts();
  const acknowledge = useAcknowledge();
  const acts = useSession().claims.desk_role !== "viewer";
  const open = rows.filter(({ acknowledged_at, broker_account_id }) => acknowledged_at === null && (selected === null || broker_account_id === null || broker_account_id === selected.id)).slice(0, MOST);
  return (
    <Panel title="Newest alerts" actions={<Link className="text-sm text-accent underline" to="/alerts">All alerts</Link>}>
      {!loaded && <Loading rows={2} />}
      {loaded && open.length === 0 && <p className="text-sm text-dim">Nothing that you have not seen.</p>}
      <ul className="flex flex-col gap-2 text-sm">
        {open.map((alert) => (
          <li key={alert.id} className="flex items-start gap-3">
            <p className="min-w-0 flex-1 break-words">{alert.text} <span className="text-xs text-dim">{alert.severity} · <FullTime at={alert.raised_at} /></span></p>
            {acts && alert.user_id !== null && <Button small look="quiet" aria-label={`Mark as seen: ${alert.text}`} onClick={() => acknowledge.mutate([alert])}>Seen</Button>}
          </li>
        ))}
      </ul>
    </Panel>
  );
}
