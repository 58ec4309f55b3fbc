/** The account that is traded on: the one that is looked at, or the only one, or the one that is chosen here. Never a guess among several. */
import { useState, type ReactNode } from "react";
import type { BrokerAccount } from "@/api/schema";
import { accountName, useAccounts } from "@/session/accounts";
import { Field, Select } from "@/ui/form";

export interface TradeAccount {
  account: BrokerAccount | null;
  /** The field to choose it by; null where there is nothing to choose. */
  choice: ReactNode;
  loading: boolean;
  none: boolean;
}

export function useTradeAccount(): TradeAccount {
  const { accounts, selected, byId } = useAccounts();
  const [chosen, setChosen] = useState("");
  const active = (accounts ?? []).filter(({ status }) => status === "active");
  const [only] = active;
  const account = selected ?? (active.length === 1 ? (only ?? null) : (byId.get(chosen) ?? null));
  const choice = selected !== null || active.length < 2 ? null : (
    <Field label="Account">
      <Select value={chosen} onChange={(event) => setChosen(event.target.value)}>
        <option value="">Choose</option>
        {active.map((one) => <option key={one.id} value={one.id}>{accountName(one)} {one.is_paper ? "(paper)" : "(LIVE)"}</option>)}
      </Select>
    </Field>
  );
  return { account, choice, loading: accounts === undefined, none: accounts !== undefined && active.length === 0 };
}
