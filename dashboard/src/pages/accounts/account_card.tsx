/** One account: which, whose money, what the broker says of its keys, its balance, and what can be done. */
import { useState } from "react";
import clsx from "clsx";
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { body } from "@/api/client";
import { Problem } from "@/api/problem";
import type { Balance, BrokerAccount } from "@/api/schema";
import { accountName } from "@/session/accounts";
import { useApi } from "@/session/context";
import { said } from "@/ui/announce";
import { Button } from "@/ui/button";
import { Confirm } from "@/ui/dialog";
import { Chip, Dollars, FullTime, ModeBadge } from "@/ui/figures";
import { Figure, Panel } from "@/ui/panel";
import { KeysDialog } from "./keys_dialog";
import { LiveTrading } from "./live_trading";
import { RenameDialog } from "./rename_dialog";

const LINKS = {
  verified: { tone: "good", name: "verified", about: "The broker takes these keys." },
  unverified: { tone: "warn", name: "not verified", about: "The broker has not been asked yet, or has not answered." },
  refused: { tone: "bad", name: "refused", about: "The broker does not take these keys." },
} as const;

export function AccountCard({ account, acts }: { account: BrokerAccount; acts: boolean }) {
  const active = account.status === "active";
  const link = LINKS[account.link_state];
  const [dialog, setDialog] = useState<"trading" | "data" | "rename" | "unlink" | null>(null);
  const { verify, unlink, relink } = useAccountActions(account);
  return (
    <Panel
      className={clsx(!account.is_paper && active && "border-live", !active && "opacity-75")}
      title={<div className="flex min-w-0 items-center gap-2"><h2 className="truncate text-sm font-semibold">{accountName(account)}</h2> <ModeBadge paper={account.is_paper} /></div>}
      actions={active ? <Chip tone={link.tone} title={link.about}>{account.trading_entered_at === null ? "no keys" : link.name}</Chip> : <Chip>unlinked</Chip>}
    >
      <p className="text-sm text-dim">{account.broker === "alpaca" ? "Alpaca" : "tastytrade"} {account.number}</p>
      {active && account.link_state !== "verified" && (
        <p role="status" className={clsx("mt-2 text-sm", account.link_state === "refused" ? "text-danger" : "text-warn")}>
          {account.trading_entered_at === null ? "Enter its keys: without them nothing is sent." : (account.link_reason ?? link.about)}
        </p>
      )}
      {!active && account.unlinked_reason !== null && account.unlinked_reason !== "" && <p className="mt-2 text-sm text-dim">{account.unlinked_reason}</p>}
      {active && <Money account={account} />}
      {acts && (
        <div className="mt-4 flex flex-wrap gap-2">
          {active && account.trading_entered_at !== null && account.link_state !== "verified" && <Button small busy={verify.isPending} onClick={() => verify.mutate()}>Ask the broker again</Button>}
          {active && <Button small onClick={() => setDialog("trading")}>{account.trading_entered_at === null ? "Enter keys" : "New keys"}</Button>}
          {active && <Button small onClick={() => setDialog("data")}>{account.data_entered_at === null ? "Add a market-data key" : "New market-data key"}</Button>}
          {active && <Button small look="quiet" onClick={() => setDialog("rename")}>Rename</Button>}
          {active && <Button small look="quiet" onClick={() => setDialog("unlink")}>Unlink…</Button>}
          {!active && <Button small busy={relink.isPending} onClick={() => relink.mutate()}>Link again</Button>}
        </div>
      )}
      {active && !account.is_paper && <LiveTrading account={account} acts={acts} />}
      {(dialog === "trading" || dialog === "data") && <KeysDialog account={account} purpose={dialog} onClose={() => setDialog(null)} />}
      {dialog === "rename" && <RenameDialog account={account} onClose={() => setDialog(null)} />}
      <Confirm open={dialog === "unlink"} onOpenChange={(open) => !open && setDialog(null)} title={`Unlink ${accountName(account)}`} act="Unlink it" danger onConfirm={() => unlink.mutateAsync()}>
        <p>Its keys and its consent to live trading are wiped; its history stays. It is refused while anything is open on it.</p>
      </Confirm>
    </Panel>
  );
}

function Money({ account }: { account: BrokerAccount }) {
  const api = useApi();
  const { data, error } = useQuery({
    queryKey: ["balance", account.id],
    queryFn: async (): Promise<Balance | null> => {
      try {
        return await body(api.GET("/api/broker-accounts/{id}/balance", { params: { path: { id: account.id } } }));
      } catch (refused) {
        if (refused instanceof Problem && refused.status === 404) return null;
        throw refused;
      }
    },
    refetchInterval: 30_000,
  });
  return (
    <dl className="mt-4 grid min-h-14 grid-cols-2 gap-3 sm:grid-cols-3">
      <Figure name="Equity"><Dollars amount={data?.equity} /></Figure>
      <Figure name="Cash"><Dollars amount={data?.cash} /></Figure>
      <Figure name="Buying power"><Dollars amount={data?.buying_power} /></Figure>
      <div className="col-span-full flex gap-1 text-xs text-dim">
        <dt>As the broker said</dt>
        <dd>{error ? "not known now" : data === null ? "nothing yet" : <FullTime at={data?.as_of} />}</dd>
      </div>
    </dl>
  );
}

function useAccountActions(account: BrokerAccount) {
  const api = useApi();
  const queries = useQueryClient();
  const settled = () => queries.invalidateQueries({ queryKey: ["accounts"] });
  const params = () => ({ path: { id: account.id }, header: { "idempotency-key": crypto.randomUUID() } });
  return {
    verify: useMutation({
      mutationFn: () => body(api.POST("/api/broker-accounts/{id}/verify", { params: params() })),
      onSuccess: () => said("The broker is being asked."),
      onSettled: settled,
    }),
    unlink: useMutation({
      meta: { shown: true },
      mutationFn: () => api.DELETE("/api/broker-accounts/{id}", { params: { path: { id: account.id } } }),
      onSuccess: () => said("The account is unlinked."),
      onSettled: settled,
    }),
    relink: useMutation({
      mutationFn: () => body(api.POST("/api/broker-accounts/{id}/relink", { params: params() })),
      onSuccess: () => said("The account is linked again. Enter its keys anew."),
      onSettled: settled,
    }),
  };
}
