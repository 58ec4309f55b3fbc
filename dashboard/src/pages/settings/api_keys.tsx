/** Keys of programs: what each may do, when it was last used, and an end to it. */
import { useState } from "react";
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { Plus } from "lucide-react";
import { body } from "@/api/client";
import type { ApiKey } from "@/api/schema";
import { useApi, useSession } from "@/session/context";
import { said } from "@/ui/announce";
import { Button } from "@/ui/button";
import { Confirm } from "@/ui/dialog";
import { Chip, FullTime } from "@/ui/figures";
import { Panel } from "@/ui/panel";
import { Loaded } from "@/ui/states";
import { Table, type Column } from "@/ui/table";
import { NewApiKey } from "./new_api_key";

type State = "active" | "expired" | "revoked";

export function ApiKeys() {
  const api = useApi();
  const queries = useQueryClient();
  const { claims } = useSession();
  const [making, setMaking] = useState(false);
  const [revoking, setRevoking] = useState<ApiKey | null>(null);
  const query = useQuery({
    queryKey: ["api-keys"],
    queryFn: async () => {
      const { data } = await body(api.GET("/api/api-keys", { params: { query: { limit: 200 } } }));
      const now = Date.now();
      return data.map((key) => ({ ...key, state: stateOf(key, now) }));
    },
  });
  const revoke = useMutation({
    meta: { shown: true },
    mutationFn: (key: ApiKey) => api.DELETE("/api/api-keys/{id}", { params: { path: { id: key.id } } }),
    onSuccess: (_, key) => said(`${key.name} lets nothing in any more.`),
    onSettled: () => queries.invalidateQueries({ queryKey: ["api-keys"] }),
  });
  const acts = claims.desk_role !== "viewer";
  return (
    <Panel title="API keys" flush actions={acts && <Button small onClick={() => setMaking(true)}><Plus aria-hidden className="size-4" /> New key</Button>}>
      <Loaded query={query}>
        {(keys) => (
          <Table
            label="API keys"
            columns={columns(acts ? setRevoking : null)}
            rows={keys}
            rowKey={({ id }) => id}
            empty="No program has a key of yours. Make one for your own script, with no more scopes than it needs."
          />
        )}
      </Loaded>
      {making && <NewApiKey onClose={() => setMaking(false)} />}
      <Confirm
        open={revoking !== null}
        onOpenChange={(open) => !open && setRevoking(null)}
        title={`Revoke ${revoking?.name ?? ""}`}
        act="Revoke it"
        danger
        onConfirm={async () => {
          if (revoking) await revoke.mutateAsync(revoking);
        }}
      >
        <p>Whatever uses {revoking?.prefix}… is refused from this moment on. This cannot be taken back; a new key can be made.</p>
      </Confirm>
    </Panel>
  );
}

type Shown = ApiKey & { state: State };

function columns(revoke: ((key: ApiKey) => void) | null): readonly Column<Shown>[] {
  return [
    { id: "name", name: "Name", value: ({ name }) => name, cell: ({ name }) => <span className="inline-block max-w-60 truncate align-middle font-medium">{name}</span> },
    { id: "state", name: "State", value: ({ state }) => state, cell: ({ state }) => <Chip tone={state === "active" ? "good" : "plain"}>{state}</Chip> },
    { id: "prefix", name: "Begins with", value: ({ prefix }) => prefix, cell: ({ prefix }) => <code className="text-xs">{prefix}…</code>, optional: true },
    { id: "scopes", name: "May", value: ({ scopes }) => scopes.join(" "), cell: ({ scopes }) => scopes.join(", "), optional: true },
    { id: "used", name: "Last used", value: ({ last_used_at }) => last_used_at, cell: ({ last_used_at }) => (last_used_at === null ? "never" : <FullTime at={last_used_at} />), optional: true },
    { id: "ends", name: "Ends", value: ({ expires_at }) => expires_at, cell: ({ expires_at, revoked_at }) => <FullTime at={revoked_at ?? expires_at} />, optional: true },
    {
      id: "act",
      name: "Action",
      value: () => null,
      cell: (key) => (revoke && key.state === "active" ? <Button small look="quiet" aria-label={`Revoke ${key.name}`} onClick={() => revoke(key)}>Revoke…</Button> : null),
    },
  ];
}

export function stateOf({ revoked_at, expires_at }: Pick<ApiKey, "revoked_at" | "expires_at">, now: number): State {
  if (revoked_at !== null) return "revoked";
  return Date.parse(expires_at) <= now ? "expired" : "active";
}
