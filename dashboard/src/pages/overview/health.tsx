/** Whether the platform is well: what it tells of itself, and what it does not. */
import { useAccounts, accountName } from "@/session/accounts";
import { useProfile } from "@/session/profile";
import { Chip } from "@/ui/figures";
import { Panel } from "@/ui/panel";
import { useHealth } from "./use_health";
import { accountLook, feedLook, marketLook, workerLook, type Look } from "./well";

/** As their names say to whoever did not write them. */
const WORKERS: Readonly<Record<string, string>> = {
  stream_market_data: "Market data stream",
  stream_option_data: "Option data stream",
  stream_trade_updates: "Order and fill stream",
};

export function Health() {
  const told = useHealth();
  const zone = useProfile().time_zone;
  const { accounts, selected } = useAccounts();
  const market = marketLook(told?.session, told?.now ?? null, zone);
  const parts: (readonly [string, Look])[] = [
    ["Market", market],
    ["Market data", feedLook(told?.newest, told?.now ?? null, market.word === "open", zone)],
    ...(told?.workers ?? []).map(({ name, at }) => [WORKERS[name] ?? name, workerLook(at, told?.askedAt ?? 0)] as const),
    ...(accounts ?? [])
      .filter(({ status, id }) => status === "active" && (selected === null || selected.id === id))
      .map((account) => [accountName(account), accountLook({ link_state: account.link_state, keys: account.trading_entered_at !== null })] as const),
  ];
  return (
    <Panel title="System health" className="min-h-64">
      <dl className="grid gap-x-4 gap-y-2 text-sm sm:grid-cols-[auto_auto_1fr]">
        {parts.map(([name, look]) => (
          <div key={name} className="contents">
            <dt>{name}</dt>
            <dd className="max-sm:flex max-sm:gap-2"><Chip tone={look.tone}>{look.word}</Chip></dd>
            <dd className="text-dim max-sm:mb-1">{look.about}</dd>
          </div>
        ))}
      </dl>
      {told !== undefined && told.workers.length === 0 && <p className="mt-2 text-sm text-dim">No worker has said yet that it is well.</p>}
    </Panel>
  );
}
