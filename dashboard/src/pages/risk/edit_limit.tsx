/** Sets or changes a limit; says whether that is tighter or looser, and asks again before it loosens. */
import { useState } from "react";
import { useMutation, useQueryClient } from "@tanstack/react-query";
import Big from "big.js";
import { body } from "@/api/client";
import { sentence } from "@/api/problem";
import type { GivenLimit, Limit, LimitKind } from "@/api/schema";
import { useRows } from "@/live/hooks";
import { grouped, typed } from "@/money/amount";
import { accountName, useAccounts } from "@/session/accounts";
import { useApi, useSession } from "@/session/context";
import { said } from "@/ui/announce";
import { Button } from "@/ui/button";
import { Confirm, Dialog } from "@/ui/dialog";
import { AmountInput, Checkbox, Field, Input, Select } from "@/ui/form";
import { limitName } from "./scopes";

interface Props {
  /** Null: a new one. */
  limit: Limit | null;
  kinds: readonly LimitKind[];
  onClose: () => void;
}

export function EditLimit({ limit, kinds, onClose }: Props) {
  const api = useApi();
  const queries = useQueryClient();
  const { session } = useSession();
  const [name, setName] = useState(limit?.name ?? "max_daily_loss");
  const [scope, setScope] = useState(limit ? `${limit.scope}:${limit.strategy_id ?? limit.broker_account_id ?? session.user.id}` : `user:${session.user.id}`);
  const [symbol, setSymbol] = useState(limit?.symbol ?? "");
  const [value, setValue] = useState(limit?.value ?? "");
  const [act, setAct] = useState<string>(limit?.act ?? "");
  const [removing, setRemoving] = useState(false);
  const [agreed, setAgreed] = useState(false);
  const kind = kinds.find((one) => one.name === name);
  const amount = typed(value);
  const change = limit === null || amount === null ? null : compared(limit.value, amount, kind);
  const save = useMutation({
    meta: { shown: true },
    mutationFn: () => {
      if (amount === null || !kind) throw new Error("Enter a number.");
      const [where = "user", id = null] = scope.split(":");
      return body(api.PUT("/api/risk/limits", {
        body: {
          scope: where as GivenLimit["scope"],
          scope_id: id,
          name,
          value: amount,
          unit: kind.unit,
          symbol: symbol.trim() === "" ? null : symbol.trim().toUpperCase(),
          parameters: limit?.parameters ?? {},
          act: act === "" ? null : (act as Exclude<GivenLimit["act"], undefined>),
        },
      }));
    },
    onSuccess: async () => {
      said(`${limitName(name)} is ${limit ? "changed" : "set"}. It holds from this moment on.`);
      await queries.invalidateQueries({ queryKey: ["limits"] });
      onClose();
    },
  });
  return (
    <Dialog open onOpenChange={(open) => !open && onClose()} title={limit ? `Change ${limitName(name)}` : "Set a limit"} about={kind?.summary ?? "What no order may exceed."}>
      <form
        className="flex flex-col gap-4"
        onSubmit={(event) => {
          event.preventDefault();
          save.mutate();
        }}
      >
        {limit === null && (
          <>
            <Field label="Limit">
              <Select value={name} onChange={(event) => setName(event.target.value)}>
                {kinds.map((one) => <option key={one.name} value={one.name}>{limitName(one.name)} ({one.unit})</option>)}
              </Select>
            </Field>
            <Scope value={scope} onChange={setScope} allowed={kind?.scopes ?? []} user={session.user.id} />
            {kind?.scopes.includes("symbol") === true && (
              <Field label="Symbol (optional)" hint="Left empty it holds for every symbol.">
                <Input value={symbol} onChange={(event) => setSymbol(event.target.value)} maxLength={32} />
              </Field>
            )}
          </>
        )}
        <Field
          label="Value"
          hint={kind && (kind.default_value === null ? "Off until one is set." : `Where none is set ${grouped(kind.default_value)} ${kind.unit} holds.`)}
          error={value !== "" && amount === null ? "This is no number." : undefined}
        >
          <AmountInput unit={kind?.unit ?? ""} required autoFocus value={value} onChange={(event) => setValue(event.target.value)} className="pr-40" />
        </Field>
        {kind && kind.acts.length > 0 && (
          <Field label="When it is broken">
            <Select value={act} onChange={(event) => setAct(event.target.value)}>
              <option value="">{kind.acts[0]?.replaceAll("_", " ")} (unless you choose)</option>
              {kind.acts.map((one) => <option key={one} value={one}>{one.replaceAll("_", " ")}</option>)}
            </Select>
          </Field>
        )}
        {change === "tighter" && <p className="text-sm text-gain">This is tighter than before.</p>}
        {change === "looser" && <Checkbox label="This is looser than before, and I want that." checked={agreed} onChange={(event) => setAgreed(event.target.checked)} />}
        {save.error && <p role="alert" className="text-sm text-danger">{sentence(save.error)}</p>}
        <div className="flex gap-2">
          {limit && limit.value !== null && <Button look="quiet" onClick={() => setRemoving(true)}>Remove…</Button>}
          <span className="flex-1" />
          <Button onClick={onClose}>Cancel</Button>
          <Button type="submit" look="main" busy={save.isPending} disabled={amount === null || (change === "looser" && !agreed)}>{limit ? "Change" : "Set"}</Button>
        </div>
      </form>
      {limit && (
        <Confirm
          open={removing}
          onOpenChange={setRemoving}
          title={`Remove ${limitName(name)}`}
          act="Remove the limit"
          danger
          onConfirm={async () => {
            await api.DELETE("/api/risk/limits/{id}", { params: { path: { id: limit.id } } });
            await queries.invalidateQueries({ queryKey: ["limits"] });
            onClose();
          }}
        >
          <p>Nothing holds in its place but the platform&apos;s default. Its history stays.</p>
        </Confirm>
      )}
    </Dialog>
  );
}

function Scope({ value, onChange, allowed, user }: { value: string; onChange: (value: string) => void; allowed: readonly string[]; user: string }) {
  const { accounts } = useAccounts();
  const { rows } = useRows("strategies");
  return (
    <Field label="Held against">
      <Select value={value} onChange={(event) => onChange(event.target.value)}>
        {allowed.includes("user") && <option value={`user:${user}`}>All of your trading</option>}
        {allowed.includes("account") && (accounts ?? []).map((account) => <option key={account.id} value={`account:${account.id}`}>{accountName(account)}</option>)}
        {allowed.includes("strategy") && rows.filter(({ status }) => status !== "deleted").map((one) => <option key={one.id} value={`strategy:${one.id}`}>{one.name}</option>)}
      </Select>
    </Field>
  );
}

/** Whether the new value lets less or more pass; no limit at all is the loosest. */
export function compared(before: string | null, after: string, kind: Pick<LimitKind, "tighter"> | undefined): "tighter" | "looser" | null {
  if (!kind) return null;
  if (before === null) return "tighter";
  const direction = new Big(after).cmp(before);
  if (direction === 0) return null;
  return (direction < 0) === (kind.tighter === "lower") ? "tighter" : "looser";
}
