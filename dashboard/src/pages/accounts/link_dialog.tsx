/** Links an account: its number first, then its sealed keys; the broker is asked at once whether they are right. */
import { useState } from "react";
import { useMutation } from "@tanstack/react-query";
import { body } from "@/api/client";
import { sentence } from "@/api/problem";
import type { BrokerName } from "@/sealing";
import { useApi } from "@/session/context";
import { said } from "@/ui/announce";
import { Button } from "@/ui/button";
import { Dialog } from "@/ui/dialog";
import { ModeBadge } from "@/ui/figures";
import { Field, Input, Segments } from "@/ui/form";
import { CredentialFields } from "./credential_fields";
import { useEnterCredentials } from "./entering_credentials";

export function LinkDialog({ onClose }: { onClose: () => void }) {
  const api = useApi();
  const [broker, setBroker] = useState<BrokerName>("alpaca");
  const [mode, setMode] = useState<"paper" | "live">("paper");
  const [number, setNumber] = useState("");
  const [label, setLabel] = useState("");
  const [fields, setFields] = useState<Record<string, string>>({});
  const [key] = useState(() => crypto.randomUUID());
  const enter = useEnterCredentials();
  const link = useMutation({
    meta: { shown: true },
    mutationFn: async () => {
      // Asked again under the same key it answers with the account that it has made: wrong keys can be mended here.
      const account = await body(api.POST("/api/broker-accounts", {
        params: { header: { "idempotency-key": `${key}-${broker}-${mode}-${number.trim()}` } },
        body: { broker, number: number.trim(), is_paper: mode === "paper", label: label.trim() },
      }));
      const { data: now } = await api.GET("/api/broker-accounts/{id}", { params: { path: { id: account.id } } });
      await enter.mutateAsync({ account: now ?? account, purpose: "trading", fields });
    },
    onSuccess: () => {
      setFields({});
      said("The account is linked. The broker is being asked whether the keys are right.");
      onClose();
    },
  });
  return (
    <Dialog open onOpenChange={(open) => !open && onClose()} title="Link a broker account">
      <form
        className="flex flex-col gap-4"
        onSubmit={(event) => {
          event.preventDefault();
          link.mutate();
        }}
      >
        <div className="flex flex-wrap items-center gap-3">
          <Segments label="Broker" value={broker} onChange={(chosen) => { setBroker(chosen); setFields({}); }} options={[{ value: "alpaca", label: "Alpaca" }, { value: "tastytrade", label: "tastytrade" }]} />
          <Segments label="Money" value={mode} onChange={setMode} options={[{ value: "paper", label: "Paper" }, { value: "live", label: "Live money" }]} />
          <ModeBadge paper={mode === "paper"} />
        </div>
        <Field label="Account number" hint="As the broker's statements print it.">
          <Input required maxLength={100} value={number} autoComplete="off" onChange={(event) => setNumber(event.target.value)} />
        </Field>
        <Field label="Your name for it (optional)">
          <Input maxLength={100} value={label} onChange={(event) => setLabel(event.target.value)} />
        </Field>
        <CredentialFields broker={broker} values={fields} onChange={setFields} />
        {link.error && <p role="alert" className="text-sm text-danger">{sentence(link.error)}</p>}
        <div className="flex justify-end gap-2">
          <Button onClick={onClose}>Cancel</Button>
          <Button type="submit" look="main" busy={link.isPending}>Link it</Button>
        </div>
      </form>
    </Dialog>
  );
}
