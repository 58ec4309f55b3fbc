/** Makes a key of a program, by what it is to do, and shows it once. */
import { useState } from "react";
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { body } from "@/api/client";
import { sentence } from "@/api/problem";
import type { MadeApiKey, NewApiKey as Asked } from "@/api/schema";
import { useApi } from "@/session/context";
import { Button } from "@/ui/button";
import { Dialog } from "@/ui/dialog";
import { Field, Input, Select } from "@/ui/form";
import { SecretOnce } from "./secret_once";

type Scope = Asked["scopes"][number];

const SCOPES: readonly { value: Scope; may: string; money?: boolean }[] = [
  { value: "read", may: "read everything of yours; what sets limits or writes strategies needs it too" },
  { value: "trade", may: "place, replace and cancel orders, close and exercise positions", money: true },
  { value: "strategies", may: "write, start and stop strategies", money: true },
  { value: "risk", may: "set limits, halts, exits and dates without new positions", money: true },
  { value: "reports", may: "read reports and statements" },
];
const DAYS = [30, 90, 365, 729] as const;
const DAY_MS = 86_400_000;

export function NewApiKey({ onClose }: { onClose: () => void }) {
  const api = useApi();
  const queries = useQueryClient();
  const [name, setName] = useState("");
  const [scopes, setScopes] = useState<readonly Scope[]>(["read"]);
  const [days, setDays] = useState("90");
  const [made, setMade] = useState<MadeApiKey | null>(null);
  const make = useMutation({
    meta: { shown: true },
    mutationFn: () => body(api.POST("/api/api-keys", {
      params: { header: { "idempotency-key": crypto.randomUUID() } },
      body: { name: name.trim(), scopes: [...scopes], expires_at: new Date(Date.now() + Number(days) * DAY_MS).toISOString() },
    })),
    onSuccess: setMade,
    onSettled: () => queries.invalidateQueries({ queryKey: ["api-keys"] }),
  });
  if (made) return <SecretOnce title={`Key of ${made.name}`} secrets={[{ label: "API key", text: made.key }]} use="Send it as a bearer token: Authorization: Bearer at_…" onClose={onClose} />;
  return (
    <Dialog open onOpenChange={(open) => !open && onClose()} title="New API key" about="A program that has it acts as you, within its scopes. Broker credentials, keys and your profile are never within one.">
      <form
        className="flex flex-col gap-4"
        onSubmit={(event) => {
          event.preventDefault();
          make.mutate();
        }}
      >
        <Field label="What it is for"><Input required maxLength={100} autoFocus value={name} onChange={(event) => setName(event.target.value)} placeholder="My rebalancer" /></Field>
        <fieldset className="flex flex-col gap-2">
          <legend className="mb-1 text-xs font-medium text-dim">What it may do</legend>
          {SCOPES.map(({ value, may, money }) => (
            <label key={value} className="flex items-start gap-2 text-sm">
              <input
                type="checkbox"
                className="mt-0.5 size-4 accent-accent"
                checked={scopes.includes(value)}
                onChange={(event) => setScopes(event.target.checked ? [...scopes, value] : scopes.filter((one) => one !== value))}
              />
              <span><strong className={money ? "text-warn" : ""}>{value}</strong> <span className="text-dim">{may}</span></span>
            </label>
          ))}
        </fieldset>
        <Field label="Ends after">
          <Select value={days} onChange={(event) => setDays(event.target.value)}>
            {DAYS.map((count) => <option key={count} value={count}>{count === 365 ? "a year" : count === 729 ? "two years" : `${count} days`}</option>)}
          </Select>
        </Field>
        {make.error && <p role="alert" className="text-sm text-danger">{sentence(make.error)}</p>}
        <div className="flex justify-end gap-2">
          <Button onClick={onClose}>Cancel</Button>
          <Button type="submit" look="main" busy={make.isPending} disabled={scopes.length === 0 || name.trim() === ""}>Make the key</Button>
        </div>
      </form>
    </Dialog>
  );
}
