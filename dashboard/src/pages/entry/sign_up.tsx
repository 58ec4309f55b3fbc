/** Signing up; by invitation where sign-up is closed. */
import { useState } from "react";
import { Link, Navigate, useSearchParams } from "react-router";
import { useMutation } from "@tanstack/react-query";
import { body } from "@/api/client";
import { Problem, sentence } from "@/api/problem";
import { useApi, useSessionState, useSupabase } from "@/session/context";
import { keep } from "@/session/entering";
import { Button } from "@/ui/button";
import { Field, Input } from "@/ui/form";
import { EntryCard } from "./card";
import { NewPassword } from "./new_password";

export function SignUp() {
  const api = useApi();
  const supabase = useSupabase();
  const state = useSessionState();
  const [parameters] = useSearchParams();
  const [email, setEmail] = useState("");
  const [name, setName] = useState("");
  const [password, setPassword] = useState<string | null>(null);
  const [invitation, setInvitation] = useState(parameters.get("invitation") ?? "");
  const signUp = useMutation({
    meta: { shown: true },
    mutationFn: async () => {
      if (password === null) throw new Error("Type the password twice.");
      const { session } = await body(api.POST("/api/auth/signup", {
        body: { email, password, ...(name.trim() ? { display_name: name.trim() } : {}), ...(invitation.trim() ? { invitation: invitation.trim() } : {}) },
      }));
      if (session) await keep(supabase, session);
      return session === null;
    },
  });
  if (state.status === "in") return <Navigate replace to="/" />;
  if (signUp.data === true) {
    return (
      <EntryCard title="Look into your mail" about={`A link was sent to ${email}. Follow it, then sign in.`}>
        <Link className="text-accent underline" to="/sign-in">Sign in</Link>
      </EntryCard>
    );
  }
  const invited = invitation !== "" || (signUp.error instanceof Problem && /INVITATION|CLOSED/.test(signUp.error.code));
  return (
    <EntryCard title="Sign up" about="Paper trading needs no money and risks none." foot={<>Signed up already? <Link className="text-accent underline" to="/sign-in">Sign in</Link></>}>
      <form
        className="flex flex-col gap-4"
        onSubmit={(event) => {
          event.preventDefault();
          signUp.mutate();
        }}
      >
        <Field label="E-mail">
          <Input type="email" required maxLength={255} autoComplete="username" autoFocus value={email} onChange={(event) => setEmail(event.target.value)} />
        </Field>
        <Field label="Your name (optional)">
          <Input maxLength={200} autoComplete="name" value={name} onChange={(event) => setName(event.target.value)} />
        </Field>
        <NewPassword onChange={setPassword} />
        {invited && (
          <Field label="Invitation" hint="Sign-up is closed here: an administrator sends you one.">
            <Input maxLength={200} value={invitation} onChange={(event) => setInvitation(event.target.value)} />
          </Field>
        )}
        {signUp.error && <p role="alert" className="text-sm text-danger">{sentence(signUp.error)}</p>}
        <Button type="submit" look="main" busy={signUp.isPending} disabled={password === null}>Sign up</Button>
      </form>
    </EntryCard>
  );
}
