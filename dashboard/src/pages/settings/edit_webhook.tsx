/** Enters a webhook, or changes it and switches it on or off. */
import { useState } from "react";
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { body } from "@/api/client";
import { sentence } from "@/api/problem";
import type { Webhook, WebhookEventType } from "@/api/schema";
import { useApi } from "@/session/context";
import { said } from "@/ui/announce";
import { Button } from "@/ui/button";
import { Dialog } from "@/ui/dialog";
import { Checkbox, Field, Input } from "@/ui/form";

interface Props {
  /** Null: a new one. */
  webhook: Webhook | null;
  onClose: () => void;
  onSecret: (made: { name: string; secret: string }) => void;
}

/** What a person thinks of as one thing, and the events that tell of it. */
const GROUPS: readonly { name: string; events: readonly WebhookEventType[] }[] = [
  { name: "Orders", events: ["trade.placed", "trade.approved", "trade.rejected", "trade.submitting", "trade.submitted", "trade.cancel_requested", "trade.replace_requested", "trade.canceled", "trade.replaced", "trade.expired", "trade.unknown"] },
  { name: "Fills", events: ["trade.partially_filled", "trade.filled"] },
  { name: "Risk", events: ["halt.engaged", "halt.lifted", "limit.breached", "strategy.halted"] },
  { name: "Alerts and reports", events: ["alert.raised", "report.written"] },
];
const FIRST: readonly WebhookEventType[] = ["trade.filled", "halt.engaged", "limit.breached", "alert.raised", "report.written"];

export function EditWebhook({ webhook, onClose, onSecret }: Props) {
  const api = useApi();
  const queries = useQueryClient();
  const [name, setName] = useState(webhook?.name ?? "");
  const [url, setUrl] = useState(webhook?.url ?? "");
  const [enabled, setEnabled] = useState(webhook?.enabled ?? true);
  const [events, setEvents] = useState<readonly WebhookEventType[]>((webhook?.events as WebhookEventType[] | undefined) ?? FIRST);
  const save = useMutation({
    meta: { shown: true },
    mutationFn: async () => {
      const given = { name: name.trim(), url: url.trim(), events: [...events] };
      if (webhook === null) {
        const made = await body(api.POST("/api/webhooks", { params: { header: { "idempotency-key": crypto.randomUUID() } }, body: given }));
        onSecret(made);
        return;
      }
      await body(api.PUT("/api/webhooks/{id}", { params: { path: { id: webhook.id }, header: { "if-match": `"${webhook.version}"` } }, body: { ...given, enabled } }));
      said(`${given.name} is changed.`);
      onClose();
    },
    onSettled: () => queries.invalidateQueries({ queryKey: ["webhooks"] }),
  });
  const toggle = (of: readonly WebhookEventType[], on: boolean) => setEvents(on ? [...new Set([...events, ...of])] : events.filter((one) => !of.includes(one)));
  return (
    <Dialog open onOpenChange={(open) => !open && onClose()} title={webhook ? `Change ${webhook.name}` : "New webhook"} about="Sent to a public https address, signed, and tried again for three days." wide>
      <form
        className="flex flex-col gap-4"
        onSubmit={(event) => {
          event.preventDefault();
          save.mutate();
        }}
      >
        <div className="grid gap-4 sm:grid-cols-2">
          <Field label="Name"><Input required maxLength={100} autoFocus value={name} onChange={(event) => setName(event.target.value)} placeholder="My server" /></Field>
          <Field label="Address"><Input required type="url" pattern="https://.+" title="An https address" maxLength={2000} value={url} onChange={(event) => setUrl(event.target.value)} placeholder="https://example.com/agenttrader" /></Field>
        </div>
        <div className="grid gap-4 sm:grid-cols-2">
          {GROUPS.map((group) => (
            <fieldset key={group.name} className="flex min-w-0 flex-col gap-1">
              <legend className="mb-1 text-xs font-medium text-dim">{group.name}</legend>
              {group.events.length > 2 && (
                <Checkbox label="All of these" checked={group.events.every((one) => events.includes(one))} onChange={(event) => toggle(group.events, event.target.checked)} />
              )}
              {group.events.map((one) => <Checkbox key={one} label={<code className="text-xs">{one}</code>} checked={events.includes(one)} onChange={(event) => toggle([one], event.target.checked)} />)}
            </fieldset>
          ))}
        </div>
        {webhook && <Checkbox label="On (what happens while it is off is not sent later)" checked={enabled} onChange={(event) => setEnabled(event.target.checked)} />}
        {save.error && <p role="alert" className="text-sm text-danger">{sentence(save.error)}</p>}
        <div className="flex justify-end gap-2">
          <Button onClick={onClose}>Cancel</Button>
          <Button type="submit" look="main" busy={save.isPending} disabled={events.length === 0}>{webhook ? "Save" : "Enter it"}</Button>
        </div>
      </form>
    </Dialog>
  );
}
