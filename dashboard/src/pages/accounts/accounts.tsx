/** Broker accounts: linked with credentials that are sealed in the browser, verified, named, let go. */
import { useState } from "react";
import { Plus } from "lucide-react";
import { useAccounts } from "@/session/accounts";
import { useSession } from "@/session/context";
import { Button } from "@/ui/button";
import { Page, Panel } from "@/ui/panel";
import { Empty, Failure, Loading } from "@/ui/states";
import { AccountCard } from "./account_card";
import { LinkDialog } from "./link_dialog";

export function Accounts() {
  const { accounts, error } = useAccounts();
  const { claims } = useSession();
  const [linking, setLinking] = useState(false);
  const acts = claims.desk_role !== "viewer";
  const add = acts && <Button look="main" onClick={() => setLinking(true)}><Plus aria-hidden className="size-4" /> Link an account</Button>;
  return (
    <Page title="Accounts" actions={accounts && accounts.length > 0 ? add : undefined}>
      {accounts === undefined && (error ? <Failure error={error} /> : <Panel flush><Loading rows={4} /></Panel>)}
      {accounts?.length === 0 && (
        <Panel flush>
          <Empty action={add}>No broker account is linked yet. Begin with a paper account: it trades with play money at real prices.</Empty>
        </Panel>
      )}
      <div className="grid gap-4 lg:grid-cols-2">
        {accounts?.map((account) => <AccountCard key={account.id} account={account} acts={acts} />)}
      </div>
      {linking && <LinkDialog onClose={() => setLinking(false)} />}
    </Page>
  );
}
