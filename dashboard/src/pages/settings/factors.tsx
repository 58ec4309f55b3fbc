/** The second factor: authenticator apps, added by a picture that they scan, and removed. */
import { useState } from "react";
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { Plus, ShieldAlert, ShieldCheck, Trash2 } from "lucide-react";
import { body } from "@/api/client";
import { sentence } from "@/api/problem";
import type { EnrolledFactor, Factor } from "@/api/schema";
import { useApi } from "@/session/context";
import { said } from "@/ui/announce";
import { Button, IconButton } from "@/ui/button";
import { Confirm, Dialog } from "@/ui/dialog";
import { Chip, FullTime } from "@/ui/figures";
import { Field, Input } from "@/ui/form";
import { Panel } from "@/ui/panel";
import { Loaded } from "@/ui/states";
import { EnrollFactor } from "./enroll_factor";
import { useFactors } from "./factors_query";
import { useWithFactor } from "./with_factor";

export function Factors() {
  const query = useFactors();
  const api = useApi();
  const queries = useQueryClient();
  const [adding, setAdding] = useState(false);
  const [removing, setRemoving] = useState<Factor | null>(null);
  const { withFactor, dialog } = useWithFactor("A second factor is added or removed with the one that there is.");
  return (
    <Panel title="Second factor" flush actions={<Button small onClick={() => withFactor(() => setAdding(true))}><Plus aria-hidden className="size-4" /> Add an authenticator app</Button>}>
      <div className="min-h-24">
        <Loaded query={query} rows={2}>
          {(factors) => (
            <>
              <State on={factors.some(({ verified }) => verified)} />
              <ul>
                {factors.map((factor) => (
                  <li key={factor.id} className="flex min-h-11 items-center gap-3 border-t border-line/60 px-4 py-1.5 text-sm">
                    <span className="min-w-0 truncate font-medium">{factor.name}</span>
                    {!factor.verified && <Chip tone="warn" title="No code of it was typed yet: it guards nothing">not finished</Chip>}
                    <span className="ml-auto text-xs text-dim max-sm:hidden">since <FullTime at={factor.created_at} /></span>
                    <IconButton
                      label={`Remove ${factor.name}`}
                      className="max-sm:ml-auto"
                      onClick={() => (factor.verified ? withFactor(() => setRemoving(factor)) : setRemoving(factor))}
                    >
                      <Trash2 aria-hidden className="size-4" />
                    </IconButton>
                  </li>
                ))}
              </ul>
            </>
          )}
        </Loaded>
      </div>
      {dialog}
      {adding && <AddFactor onClose={() => setAdding(false)} />}
      <Confirm
        open={removing !== null}
        onOpenChange={(open) => !open && setRemoving(null)}
        title={`Remove ${removing?.name ?? ""}`}
        act="Remove it"
        danger
        onConfirm={async () => {
          if (!removing) return;
          await api.DELETE("/api/auth/factors/{id}", { params: { path: { id: removing.id } } });
          said(`${removing.name} is removed.`);
          await queries.invalidateQueries({ queryKey: ["factors"] });
        }}
      >
        {removing?.verified === true
          ? <p>Its codes let nobody in any more. Without another one, halts cannot be lifted and live trading cannot be agreed to.</p>
          : <p>It was begun and not finished.</p>}
      </Confirm>
    </Panel>
  );
}

function State({ on }: { on: boolean }) {
  const Icon = on ? ShieldCheck : ShieldAlert;
  return (
    <p className="flex items-start gap-2 p-4 text-sm">
      <Icon aria-hidden className={`mt-0.5 size-4 shrink-0 ${on ? "text-gain" : "text-warn"}`} />
      {on
        ? "On: signing in asks for a code of your app."
        : "Off: whoever has your password is in. An app is also needed to lift a halt and to agree to live trading."}
    </p>
  );
}

function AddFactor({ onClose }: { onClose: () => void }) {
  const api = useApi();
  const queries = useQueryClient();
  const [name, setName] = useState("");
  const [begun, setBegun] = useState<EnrolledFactor | null>(null);
  const begin = useMutation({
    meta: { shown: true },
    mutationFn: () => body(api.POST("/api/auth/factors", { params: { header: { "idempotency-key": crypto.randomUUID() } }, body: { name: name.trim() } })),
    onSuccess: setBegun,
    onSettled: () => queries.invalidateQueries({ queryKey: ["factors"] }),
  });
  const about = begun ? "Scan this with the app, then type the code that it shows." : "Any app that makes codes of six digits, on your phone or in your password manager.";
  return (
    <Dialog open onOpenChange={(open) => !open && onClose()} title="Add an authenticator app" about={about}>
      {begun ? <EnrollFactor factor={begun} onDone={onClose} /> : (
        <form
          className="flex flex-col gap-4"
          onSubmit={(event) => {
            event.preventDefault();
            begin.mutate();
          }}
        >
          <Field label="What you call it" hint="The name of the device, for one.">
            <Input required maxLength={100} autoFocus value={name} onChange={(event) => setName(event.target.value)} placeholder="My phone" />
          </Field>
          {begin.error && <p role="alert" className="text-sm text-danger">{sentence(begin.error)}</p>}
          <div className="flex justify-end gap-2">
            <Button onClick={onClose}>Cancel</Button>
            <Button type="submit" look="main" busy={begin.isPending} disabled={name.trim() === ""}>Go on</Button>
          </div>
        </form>
      )}
    </Dialog>
  );
}
