/** Six digits of an authenticator app, or the code of a mail. */
import { useState } from "react";
import { useMutation } from "@tanstack/react-query";
import { sentence } from "@/api/problem";
import { Button } from "@/ui/button";
import { Field, Input } from "@/ui/form";

interface Props {
  act: string;
  label?: string;
  onCode: (code: string) => Promise<void>;
}

export function CodeForm({ act, label = "Code", onCode }: Props) {
  const [code, setCode] = useState("");
  const send = useMutation({ meta: { shown: true }, mutationFn: () => onCode(code.trim()) });
  return (
    <form
      className="flex flex-col gap-4"
      onSubmit={(event) => {
        event.preventDefault();
        send.mutate();
      }}
    >
      <Field label={label}>
        <Input inputMode="numeric" autoComplete="one-time-code" pattern="\s*[0-9]{6,10}\s*" title="Digits only" required autoFocus value={code} onChange={(event) => setCode(event.target.value)} />
      </Field>
      {send.error && <p role="alert" className="text-sm text-danger">{sentence(send.error)}</p>}
      <Button type="submit" look="main" busy={send.isPending}>{act}</Button>
    </form>
  );
}
