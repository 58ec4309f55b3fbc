/** Signing in with e-mail and password, and with the second factor where there is one. */
import { useState } from "react";
import { Link, Navigate, useLocation, useSearchParams } from "react-router";
import { useMutation } from "@tanstack/react-query";
import { sentence } from "@/api/problem";
import { useApi, useSessionState, useSupabase } from "@/session/context";
import { showFactor, signIn, type Entered } from "@/session/entering";
import { Button } from "@/ui/button";
import { Field, Input } from "@/ui/form";
import { EntryCard } from "./card";
import { CodeForm } from "./code_form";

export function SignIn() {
  const api = useApi();
  const supabase = useSupabase();
  const state = useSessionState();
  const [parameters] = useSearchParams();
  const { state: came } = useLocation() as { state: { expired?: boolean } | null };
  const [email, setEmail] = useState("");
  const [password, setPassword] = useState("");
  const [half, setHalf] = useState<(Entered & { done: false }) | null>(null);
  const enter = useMutation({
    meta: { shown: true },
    mutationFn: () => signIn(api, supabase, email, password),
    onSuccess: (entered) => {
      if (!entered.done) setHalf(entered);
    },
  });
  if (state.status === "in") return <Navigate replace to={inside(parameters.get("to"))} />;
  if (half) {
    return (
      <EntryCard title="Second factor" about="Type the code that your authenticator app shows now.">
        <CodeForm act="Sign in" onCode={(code) => showFactor(api, supabase, half, code)} />
      </EntryCard>
    );
  }
  return (
    <EntryCard
      title="Sign in"
      about={came?.expired === true ? "Your session has ended. Sign in to go on where you were." : undefined}
      foot={<>New here? <Link className="text-accent underline" to="/sign-up">Sign up</Link></>}
    >
      <form
        className="flex flex-col gap-4"
        onSubmit={(event) => {
          event.preventDefault();
          enter.mutate();
        }}
      >
        <Field label="E-mail">
          <Input type="email" required maxLength={255} autoComplete="username" autoFocus value={email} onChange={(event) => setEmail(event.target.value)} />
        </Field>
        <Field label="Password">
          <Input type="password" required maxLength={72} autoComplete="current-password" value={password} onChange={(event) => setPassword(event.target.value)} />
        </Field>
        {enter.error && <p role="alert" className="text-sm text-danger">{sentence(enter.error)}</p>}
        <Button type="submit" look="main" busy={enter.isPending}>Sign in</Button>
        <Link className="text-center text-sm text-accent underline" to="/reset">Forgot your password?</Link>
      </form>
    </EntryCard>
  );
}

/** Only a path of this page: a link must not lead a trader elsewhere after they have signed in. */
function inside(to: string | null): string {
  return to !== null && /^\/(?![/\\])/.test(to) ? to : "/";
}
