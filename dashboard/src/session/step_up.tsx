/** Raises the session to two factors, where something asks for it: lifting a halt, confirming live trading. */
import { useState, type ReactNode } from "react";
import { useMutation, useQuery } from "@tanstack/react-query";
import { Link } from "react-router";
import { body } from "@/api/client";
import { sentence } from "@/api/problem";
import { Button } from "@/ui/button";
import { Dialog } from "@/ui/dialog";
import { Field, Input } from "@/ui/form";
import { Loading } from "@/ui/states";
import { useApi, useSession, useSupabase } from "./context";
import { keep } from "./entering";

interface Props {
  open: boolean;
  onOpenChange: (open: boolean) => void;
  /** What it is needed for, in a sentence. */
  children: ReactNode;
  /** Called once the session has two factors. */
  onDone: () => void;
}

/** Asks for the code of the authenticator app; where there is none, says where to add one. */
export function StepUp({ open, onOpenChange, children, onDone }: Props) {
  const api = useApi();
  const supabase = useSupabase();
  const [code, setCode] = useState("");
  const factors = useQuery({
    queryKey: ["factors", "verified"],
    enabled: open,
    queryFn: async () => (await body(api.GET("/api/auth/factors"))).data.filter(({ verified }) => verified),
  });
  const verify = useMutation({
    meta: { shown: true },
    mutationFn: async (id: string) => keep(supabase, await body(api.POST("/api/auth/factors/{id}/verify", { params: { path: { id } }, body: { code: code.trim() } }))),
    onSuccess: () => {
      setCode("");
      onOpenChange(false);
      onDone();
    },
  });
  const [factor] = factors.data ?? [];
  return (
    <Dialog open={open} onOpenChange={onOpenChange} title="Second factor" about={children}>
      {factors.isPending && <Loading rows={2} />}
      {factors.isSuccess && !factor && (
        <p className="text-sm">
          You have no second factor yet. <Link to="/settings?part=security" className="text-accent underline">Add an authenticator app in the settings</Link>, then come back.
        </p>
      )}
      {factor && (
        <form
          className="flex flex-col gap-4"
          onSubmit={(event) => {
            event.preventDefault();
            verify.mutate(factor.id);
          }}
        >
          <Field label="Code of your authenticator app" hint="Six digits, new every 30 s.">
            <Input inputMode="numeric" autoComplete="one-time-code" pattern="\s*[0-9]{6}\s*" required autoFocus value={code} onChange={(event) => setCode(event.target.value)} />
          </Field>
          {verify.error && <p role="alert" className="text-sm text-danger">{sentence(verify.error)}</p>}
          <Button type="submit" look="main" busy={verify.isPending}>Confirm</Button>
        </form>
      )}
    </Dialog>
  );
}

/** Does `act` at once where the session has two factors, else asks for the second one first. */
export function useStepUp(why: ReactNode): { stepUp: (act: () => void) => void; dialog: ReactNode } {
  const { claims } = useSession();
  const [waiting, setWaiting] = useState<{ act: () => void } | null>(null);
  return {
    stepUp: (act) => {
      if (claims.level === "aal2") act();
      else setWaiting({ act });
    },
    dialog: (
      <StepUp open={waiting !== null} onOpenChange={(open) => !open && setWaiting(null)} onDone={() => waiting?.act()}>
        {why}
      </StepUp>
    ),
  };
}
