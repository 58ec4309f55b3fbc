/** A forgotten password: a code by mail, the second factor where there is one, a new password. */
import { useState } from "react";
import { Link, useNavigate } from "react-router";
import { useMutation } from "@tanstack/react-query";
import { body } from "@/api/client";
import { sentence } from "@/api/problem";
import type { Session } from "@/api/schema";
import { useApi, useSupabase } from "@/session/context";
import { keep } from "@/session/entering";
import { said } from "@/ui/announce";
import { Button } from "@/ui/button";
import { Field, Input } from "@/ui/form";
import { EntryCard } from "./card";
import { CodeForm } from "./code_form";
import { NewPassword } from "./new_password";

type Step = { at: "address" } | { at: "code" } | { at: "factor"; session: Session; id: string } | { at: "password"; session: Session };

export function Reset() {
  const api = useApi();
  const [email, setEmail] = useState("");
  const [step, setStep] = useState<Step>({ at: "address" });
  const ask = useMutation({
    meta: { shown: true },
    mutationFn: () => body(api.POST("/api/auth/password-reset", { body: { email } })),
    onSuccess: () => setStep({ at: "code" }),
  });
  const foot = <Link className="text-accent underline" to="/sign-in">Back to sign in</Link>;
  switch (step.at) {
    case "address":
      return (
        <EntryCard title="Forgotten password" about="A code is sent to your address, if somebody has signed up with it." foot={foot}>
          <form
            className="flex flex-col gap-4"
            onSubmit={(event) => {
              event.preventDefault();
              ask.mutate();
            }}
          >
            <Field label="E-mail">
              <Input type="email" required maxLength={255} autoComplete="username" autoFocus value={email} onChange={(event) => setEmail(event.target.value)} />
            </Field>
            {ask.error && <p role="alert" className="text-sm text-danger">{sentence(ask.error)}</p>}
            <Button type="submit" look="main" busy={ask.isPending}>Send the code</Button>
          </form>
        </EntryCard>
      );
    case "code":
      return (
        <EntryCard title="Code" about={`If ${email} has signed up here, a mail with a code is on its way. It counts for an hour.`} foot={foot}>
          <CodeForm
            act="Go on"
            label="Code of the mail"
            onCode={async (code) => {
              const session = await body(api.POST("/api/auth/password-reset/verify", { body: { email, code } }));
              const factor = session.factors.find(({ verified }) => verified);
              setStep(factor ? { at: "factor", session, id: factor.id } : { at: "password", session });
            }}
          />
        </EntryCard>
      );
    case "factor":
      return (
        <EntryCard title="Second factor" about="Type the code that your authenticator app shows now." foot={foot}>
          <CodeForm
            act="Go on"
            onCode={async (code) => {
              const headers = { Authorization: `Bearer ${step.session.access_token}` };
              const session = await body(api.POST("/api/auth/factors/{id}/verify", { params: { path: { id: step.id } }, headers, body: { code } }));
              setStep({ at: "password", session });
            }}
          />
        </EntryCard>
      );
    case "password":
      return <SetPassword session={step.session} />;
  }
}

function SetPassword({ session }: { session: Session }) {
  const api = useApi();
  const supabase = useSupabase();
  const navigate = useNavigate();
  const [password, setPassword] = useState<string | null>(null);
  const set = useMutation({
    meta: { shown: true },
    mutationFn: async () => {
      if (password === null) throw new Error("Type the password twice.");
      await api.PUT("/api/auth/password", { headers: { Authorization: `Bearer ${session.access_token}` }, body: { password } });
      await keep(supabase, session);
    },
    onSuccess: () => {
      said("Your password is new. Every other session of yours has ended.");
      void navigate("/");
    },
  });
  return (
    <EntryCard title="New password">
      <form
        className="flex flex-col gap-4"
        onSubmit={(event) => {
          event.preventDefault();
          set.mutate();
        }}
      >
        <NewPassword onChange={setPassword} />
        {set.error && <p role="alert" className="text-sm text-danger">{sentence(set.error)}</p>}
        <Button type="submit" look="main" busy={set.isPending} disabled={password === null}>Set it</Button>
      </form>
    </EntryCard>
  );
}
