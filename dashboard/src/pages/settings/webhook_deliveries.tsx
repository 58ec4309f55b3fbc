/** What was sent to a webhook, or is to be, and how it went. */
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { body } from "@/api/client";
import type { Webhook, WebhookDelivery } from "@/api/schema";
import { useApi } from "@/session/context";
import { said } from "@/ui/announce";
import { Button } from "@/ui/button";
import { Dialog } from "@/ui/dialog";
import { Chip, FullTime } from "@/ui/figures";
import { Loaded } from "@/ui/states";
import { Table, type Column } from "@/ui/table";

const EVERY_MS = 5_000;
const TONES = { queued: "plain", sending: "accent", delivered: "good", retrying: "warn", dead: "bad" } as const;

export function WebhookDeliveries({ webhook, onClose }: { webhook: Webhook; onClose: () => void }) {
  const api = useApi();
  const queries = useQueryClient();
  const key = ["webhooks", "deliveries", webhook.id];
  const query = useQuery({
    queryKey: key,
    queryFn: async () => (await body(api.GET("/api/webhooks/{id}/deliveries", { params: { path: { id: webhook.id }, query: { limit: 100 } } }))).data,
    refetchInterval: EVERY_MS,
  });
  const again = useMutation({
    mutationFn: (delivery: WebhookDelivery) => body(api.POST("/api/webhooks/{id}/deliveries/{delivery_id}/redeliver", {
      params: { path: { id: webhook.id, delivery_id: delivery.id }, header: { "idempotency-key": crypto.randomUUID() } },
    })),
    onSuccess: () => said("It is sent again, under the same event id."),
    onSettled: () => queries.invalidateQueries({ queryKey: key }),
  });
  return (
    <Dialog open onOpenChange={(open) => !open && onClose()} title={`Deliveries to ${webhook.name}`} about="Kept for thirty days; the newest hundred." wide>
      <div className="-mx-5 min-h-40">
        <Loaded query={query}>
          {(rows) => (
            <Table
              label={`Deliveries to ${webhook.name}`}
              columns={columns((delivery) => again.mutate(delivery), again.isPending)}
              rows={rows}
              rowKey={({ id }) => id}
              empty="Nothing was sent yet. Send a test, or wait for an event."
              height={420}
            />
          )}
        </Loaded>
      </div>
    </Dialog>
  );
}

function columns(again: (delivery: WebhookDelivery) => void, busy: boolean): readonly Column<WebhookDelivery>[] {
  return [
    { id: "at", name: "Happened", value: ({ occurred_at }) => occurred_at, cell: ({ occurred_at }) => <FullTime at={occurred_at} />, optional: true },
    { id: "type", name: "Event", value: ({ type }) => type, cell: ({ type }) => <code className="text-xs">{type}</code> },
    { id: "state", name: "State", value: ({ state }) => state, cell: ({ state }) => <Chip tone={TONES[state]}>{state}</Chip> },
    { id: "attempts", name: "Attempts", numeric: true, value: ({ attempts }) => attempts, cell: ({ attempts }) => attempts, optional: true },
    {
      id: "answer",
      name: "Last answer",
      value: ({ last_error, last_status }) => last_error ?? last_status,
      cell: ({ last_error, last_status }) => <span className="inline-block max-w-56 truncate align-middle" title={last_error ?? ""}>{last_error ?? last_status ?? "–"}</span>,
    },
    {
      id: "act",
      name: "Action",
      value: () => null,
      cell: (delivery) => (delivery.state === "dead" || delivery.state === "delivered" ? <Button small look="quiet" busy={busy} onClick={() => again(delivery)}>Send again</Button> : null),
    },
  ];
}
