import { useState } from "react";
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { body } from "@/api/client";
import { sentence } from "@/api/problem";
import type { BrokerAccount } from "@/api/schema";
import { useApi } from "@/session/context";
import { Button } from "@/ui/button";
import { Dialog } from "@/ui/dialog";
import { Field, Input } from "@/ui/form";

export function RenameDialog({ account, onClose }: { account: BrokerAccount; onClose: () => void }) {
  const api = useApi();
  const queries = useQueryClient();
  const [label, setLabel] = useState(account.label);
  const rename = useMutation({
    meta: { shown: true },
    mutationFn: () => body(api.PUT("/api/broker-accounts/{id}", {
      params: { path: { id: account.id }, header: { "if-match": `"${account.version}"` } },
      body: { label: label.trim() },
    })),
    onSuccess: onClose,
    onSettled: () => queries.invalidateQueries({ queryKey: ["accounts"] }),
  });
  return (
    <Dialog open onOpenChange={(open) => !open && onClose()} title="Rename the account">
      <form
        className="flex flex-col gap-4"
        onSubmit={(event) => {
          event.preventDefault();
          rename.mutate();
        }}
      >
        <Field label="Your name for it"><Input autoFocus maxLength={100} value={label} onChange={(event) => setLabel(event.target.value)} /></Field>
        {rename.error && <p role="alert" className="text-sm text-danger">{sentence(rename.error)}</p>}
        <Button type="submit" look="main" busy={rename.isPending}>Rename</Button>
      </form>
    </Dialog>
  );
}
