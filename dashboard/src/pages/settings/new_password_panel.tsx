/** A new password, by the one that is known, and by the second factor where there is one. */
import { useState } from "react";
import { useMutation } from "@tanstack/react-query";
import { sentence } from "@/api/problem";
import { NewPassword } from "@/pages/entry/new_password";
import { useApi } from "@/session/context";
import { said } from "@/ui/announce";
import { Button } from "@/ui/button";
import { Field, Input } from "@/ui/form";
import { Panel } from "@/ui/panel";
import { useWithFactor } from "./with_factor";

export function NewPasswordPanel() {
  const api = useApi();
  const [current, setCurrent] = useState("");
  const [password, setPassword] = useState<string | null>(null);
  // Grows with every change that is done: the fields begin anew.
  const [round, setRound] = useState(0);
  const { withFactor, dialog } = useWithFactor("A new password is set with the second factor.");
  const change = useMutation({
    meta: { shown: true },
    mutationFn: async () => {
      if (password === null) throw new Error("Type the new password twice.");
      await api.PUT("/api/auth/password", { body: { password, current_password: current } });
    },
    onSuccess: () => {
      setCurrent("");
      setPassword(null);
      setRound((count) => count + 1);
      said("Your password is new. Every other session of yours has ended.");
    },
  });
  return (
    <Panel title="Password">
      <form
        className="flex flex-col gap-4"
        onSubmit={(event) => {
          event.preventDefault();
          withFactor(() => change.mutate());
        }}
      >
        <Field label="Current password">
          <Input type="password" required maxLength={72} autoComplete="current-password" value={current} onChange={(event) => setCurrent(event.target.value)} />
        </Field>
        <NewPassword key={round} onChange={setPassword} />
        {change.error && <p role="alert" className="text-sm text-danger">{sentence(change.error)}</p>}
        <div><Button type="submit" look="main" busy={change.isPending} disabled={password === null || current === ""}>Change it</Button></div>
      </form>
      {dialog}
    </Panel>
  );
}
