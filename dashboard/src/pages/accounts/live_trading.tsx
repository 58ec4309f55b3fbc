/** Consent to trade real money: for some days, with a second factor, by the account's number typed out. */
import { useState } from "react";
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { body } from "@/api/client";
import type { BrokerAccount } from "@/api/schema";
import { useApi } from "@/session/context";
import { consentKey, useLiveConsent } from "@/session/live_consent";
import { useStepUp } from "@/session/step_up";
import { said } from "@/ui/announce";
import { Button } from "@/ui/button";
import { Confirm } from "@/ui/dialog";
import { FullTime } from "@/ui/figures";

export function LiveTrading({ account, acts }: { account: BrokerAccount; acts: boolean }) {
  const api = useApi();
  const queries = useQueryClient();
  const [asking, setAsking] = useState(false);
  const { stepUp, dialog } = useStepUp("Trading real money is agreed to with a second factor.");
  const agreed = useLiveConsent(account);
  const settled = () => queries.invalidateQueries({ queryKey: consentKey(account.id) });
  const params = () => ({ path: { id: account.id }, header: { "idempotency-key": crypto.randomUUID() } });
  const confirm = useMutation({
    meta: { shown: true },
    mutationFn: () => body(api.POST("/api/broker-accounts/{id}/confirm-live", { params: params(), body: { number: account.number } })),
    onSuccess: ({ until }) => said(`Live trading is on until ${new Date(until).toLocaleDateString()}.`),
    onSettled: settled,
  });
  const withdraw = useMutation({
    mutationFn: () => api.POST("/api/broker-accounts/{id}/withdraw-live", { params: params() }),
    onSuccess: () => said("No more entries with real money. Exits still pass."),
    onSettled: settled,
  });
  return (
    <div className="mt-4 flex flex-wrap items-center gap-3 border-t border-line pt-3 text-sm">
      <span className="flex-1">{agreed ? <>You agreed to live trading on <FullTime at={agreed.at} />; it counts for some days.</> : "Live trading is off: entries on this account are refused."}</span>
      {acts && agreed && <Button small busy={withdraw.isPending} onClick={() => withdraw.mutate()}>Withdraw</Button>}
      {acts && <Button small look="danger" onClick={() => stepUp(() => setAsking(true))}>Agree {agreed ? "again" : "to live trading"}…</Button>}
      {dialog}
      <Confirm open={asking} onOpenChange={setAsking} title="Trade with real money" act="I agree" danger word={account.number} onConfirm={() => confirm.mutateAsync()}>
        <p>Orders of yours and of your strategies on this account trade real money, and may lose it, more than was put in where you sell options or sell short.</p>
      </Confirm>
    </div>
  );
}
