/** Senders from outside who trade for the trader: what each may ask for, and what it has sent. */
import { useState } from "react";
import { Plus } from "lucide-react";
import { useSearchParams } from "react-router";
import { useAccounts } from "@/session/accounts";
import { useSession } from "@/session/context";
import { Button } from "@/ui/button";
import { Dialog } from "@/ui/dialog";
import { Page } from "@/ui/panel";
import { Empty, Loaded } from "@/ui/states";
import { useSources } from "./data";
import { Deliveries } from "./deliveries";
import { SecretDialog, type Made } from "./secret_dialog";
import { SourceCard } from "./source_card";
import { SourceForm } from "./source_form";

export function Automation() {
  const sources = useSources();
  const { claims } = useSession();
  const { selected } = useAccounts();
  const [search, setSearch] = useSearchParams();
  const [making, setMaking] = useState(false);
  const [made, setMade] = useState<Made | null>(null);
  const create = claims.desk_role !== "viewer" && <Button look="main" onClick={() => setMaking(true)}><Plus aria-hidden className="size-4" /> New source</Button>;
  return (
    <Page title="Automation" about="Events of your own programs and of TradingView become trades" actions={create}>
      <Loaded query={sources} rows={6}>
        {(all) => {
          const list = all.filter((one) => selected === null || one.broker_account_id === selected.id);
          const shown = list.find(({ id }) => id === search.get("source")) ?? list[0];
          if (!shown) {
            return (
              <Empty action={all.length === 0 ? create : undefined}>
                {all.length === 0 ? "No source yet. A source has an address and a secret; what is sent there becomes a trade on the road of every order: your limits and risk rules judge it." : "No source trades on the account that is selected at the top."}
              </Empty>
            );
          }
          return (
            <>
              <ul aria-label="Sources" className="grid grid-cols-1 gap-4 md:grid-cols-2 2xl:grid-cols-3">
                {list.map((source) => (
                  <li key={source.id} className="min-w-0">
                    <SourceCard source={source} shown={source.id === shown.id} onShow={() => setSearch({ source: source.id }, { replace: true })} />
                  </li>
                ))}
              </ul>
              <Deliveries key={shown.id} source={shown} />
            </>
          );
        }}
      </Loaded>
      <Dialog open={making} onOpenChange={setMaking} title="New source" about="Whoever knows its secret trades on the account, within what you allow here." wide>
        <SourceForm
          source={null}
          onDone={(result) => {
            setMaking(false);
            setMade(result);
            if (result) setSearch({ source: result.secret.source_id }, { replace: true });
          }}
        />
      </Dialog>
      <SecretDialog made={made} close={() => setMade(null)} />
    </Page>
  );
}
