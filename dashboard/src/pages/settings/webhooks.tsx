/** Your own servers that are told of events: each with its state, its secret renewed, a test, and what was sent. */
import { useState } from "react";
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { Plus } from "lucide-react";
import { body } from "@/api/client";
import type { Webhook } from "@/api/schema";
import { useApi } from "@/session/context";
import { said } from "@/ui/announce";
import { Button } from "@/ui/button";
import { Confirm } from "@/ui/dialog";
import { Chip, FullTime } from "@/ui/figures";
import { Panel } from "@/ui/panel";
import { Empty, Loaded } from "@/ui/states";
import { EditWebhook } from "./edit_webhook";
import { SecretOnce } from "./secret_once";
import { WebhookDeliveries } from "./webhook_deliveries";

interface Secret {
  name: string;
  secret: string;
}
type Opened = { is: "edit" | "deliveries" | "rotate" | "remove"; webhook: Webhook } | { is: "new" } | { is: "secret"; of: Secret } | null;

export function Webhooks() {
  const api = useApi();
  const queries = useQueryClient();
  const [opened, setOpened] = useState<Opened>(null);
  const close = () => setOpened(null);
  const settled = () => queries.invalidateQueries({ queryKey: ["webhooks"] });
  const query = useQuery({
    queryKey: ["webhooks"],
    queryFn: async () => (await body(api.GET("/api/webhooks", { params: { query: { limit: 200 } } }))).data,
  });
  return (
    <Panel title="Webhooks to your own server" flush actions={<Button small onClick={() => setOpened({ is: "new" })}><Plus aria-hidden className="size-4" /> New webhook</Button>}>
      <Loaded query={query}>
        {(webhooks) => webhooks.length === 0 ? (
          <Empty>No server of yours is told anything yet. Enter an https address, and it hears of orders, fills, halts, broken limits and reports, each signed.</Empty>
        ) : (
          <ul className="divide-y divide-line/60">
            {webhooks.map((webhook) => <Line key={webhook.id} webhook={webhook} open={(is) => setOpened({ is, webhook })} />)}
          </ul>
        )}
      </Loaded>
      {opened?.is === "new" && <EditWebhook webhook={null} onClose={close} onSecret={(of) => setOpened({ is: "secret", of })} />}
      {opened?.is === "edit" && <EditWebhook webhook={opened.webhook} onClose={close} onSecret={(of) => setOpened({ is: "secret", of })} />}
      {opened?.is === "deliveries" && <WebhookDeliveries webhook={opened.webhook} onClose={close} />}
      {opened?.is === "secret" && (
        <SecretOnce title={`Secret of ${opened.of.name}`} secrets={[{ label: "Secret", text: opened.of.secret }]} use="What is sent is signed with it (HMAC-SHA256): check that before you believe it." onClose={close} />
      )}
      {opened?.is === "rotate" && (
        <Confirm
          open
          // Where it was done, the secret is shown in its place.
          onOpenChange={(open) => !open && setOpened((now) => (now?.is === "rotate" ? null : now))}
          title={`A new secret for ${opened.webhook.name}`}
          act="Renew the secret"
          danger
          onConfirm={async () => {
            const params = { path: { id: opened.webhook.id }, header: { "idempotency-key": crypto.randomUUID() } };
            const { secret } = await body(api.POST("/api/webhooks/{id}/rotate", { params }));
            setOpened({ is: "secret", of: { name: opened.webhook.name, secret } });
            await settled();
          }}
        >
          <p>What is sent from then on is signed with the new one: your server refuses it until it knows it.</p>
        </Confirm>
      )}
      {opened?.is === "remove" && (
        <Confirm
          open
          onOpenChange={(open) => !open && close()}
          title={`Remove ${opened.webhook.name}`}
          act="Remove it"
          danger
          onConfirm={async () => {
            await api.DELETE("/api/webhooks/{id}", { params: { path: { id: opened.webhook.id } } });
            said(`${opened.webhook.name} is removed.`);
            await settled();
          }}
        >
          <p>What is still to be sent to it is not sent any more.</p>
        </Confirm>
      )}
    </Panel>
  );
}

function Line({ webhook, open }: { webhook: Webhook; open: (is: "edit" | "deliveries" | "rotate" | "remove") => void }) {
  const api = useApi();
  const test = useMutation({
    mutationFn: () => body(api.POST("/api/webhooks/{id}/test", { params: { path: { id: webhook.id }, header: { "idempotency-key": crypto.randomUUID() } } })),
    onSuccess: () => {
      said("A test event is on its way.");
      open("deliveries");
    },
  });
  return (
    <li className="flex flex-col gap-2 p-4 text-sm">
      <div className="flex flex-wrap items-center gap-2">
        <span className="font-medium">{webhook.name}</span>
        {webhook.enabled ? <Chip tone={webhook.failing_since === null ? "good" : "warn"}>{webhook.failing_since === null ? "on" : "failing"}</Chip> : <Chip tone={webhook.disabled_reason === null ? "plain" : "bad"}>off</Chip>}
        <code className="min-w-0 truncate text-xs text-dim">{webhook.url}</code>
      </div>
      {webhook.disabled_reason !== null && <p className="text-danger">Switched off by itself: nothing arrived for days. See what went wrong in its deliveries, then switch it on.</p>}
      {webhook.enabled && webhook.failing_since !== null && <p className="text-warn">Nothing has arrived since <FullTime at={webhook.failing_since} />. It is tried again, later and later.</p>}
      <p className="text-xs text-dim">{webhook.events.join(" · ")}</p>
      <div className="flex flex-wrap gap-2">
        <Button small busy={test.isPending} disabled={!webhook.enabled} onClick={() => test.mutate()}>Send a test</Button>
        <Button small onClick={() => open("deliveries")}>Deliveries</Button>
        <Button small onClick={() => open("edit")}>Change</Button>
        <Button small look="quiet" onClick={() => open("rotate")}>Renew the secret…</Button>
        <Button small look="quiet" onClick={() => open("remove")}>Remove…</Button>
      </div>
    </li>
  );
}
