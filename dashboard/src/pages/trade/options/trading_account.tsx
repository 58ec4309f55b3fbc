/** The account that the legs are sent to: the one that is looked at, or the only one, or the one that is chosen. Never a guess among several. */
import { useState, type ReactNode } from "react";
import type { BrokerAccount } from "@/api/schema";
import { accountName, useAccounts } from "@/session/accounts";
import { Field, Select } from "@/ui/form";

export function useTradingAccount(given: BrokerAccount | null | undefined): { account: BrokerAccount | null; choice: ReactNode } {
  const { accounts, selected, byId } = useAccounts();
  const [chosen, setChosen] = useState("");
  if (given) return { account: given, choice: null };
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
  return { account, choice };
}
