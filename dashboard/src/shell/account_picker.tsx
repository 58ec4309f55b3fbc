/** Which account the pages show, and whether it is paper or live: the one thing that must never be mistaken. */
import { accountName, useAccounts } from "@/session/accounts";
import { ModeBadge } from "@/ui/figures";

export function AccountPicker() {
  const { accounts, selected, select } = useAccounts();
  const active = (accounts ?? []).filter(({ status }) => status === "active");
  const shown = selected ? [selected] : active;
  const live = shown.some(({ is_paper }) => !is_paper);
  return (
    <div className="flex min-w-0 items-center gap-2">
      <select
        aria-label="Account"
        value={selected?.id ?? ""}
        onChange={(event) => select(event.target.value === "" ? null : event.target.value)}
        className="h-8 max-w-36 min-w-0 rounded-md border border-line bg-ground px-2 text-sm sm:max-w-52"
      >
        <option value="">All accounts</option>
        {active.map((account) => (
          <option key={account.id} value={account.id}>
            {accountName(account)} {account.is_paper ? "(paper)" : "(LIVE)"}
          </option>
        ))}
      </select>
      {shown.length > 0 && <ModeBadge paper={!live} />}
    </div>
  );
}
