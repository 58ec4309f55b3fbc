/** A new password, typed twice, by the rule that Auth keeps. */
import { useState, type ReactElement } from "react";
import { Field, Input } from "@/ui/form";

export const LEAST = 12;
export const MOST = 72;

/** The fields; `onChange` is told the password, or null while it cannot be taken. */
export function NewPassword({ onChange }: { onChange: (password: string | null) => void }): ReactElement {
  const [first, setFirst] = useState("");
  const [second, setSecond] = useState("");
  const tell = (one: string, other: string) => onChange(one === other && one.length >= LEAST ? one : null);
  return (
    <>
      <Field label="New password" hint={`At least ${LEAST} characters, with letters and digits. A sentence is easy to remember.`}>
        <Input
          type="password"
          required
          minLength={LEAST}
          maxLength={MOST}
          autoComplete="new-password"
          value={first}
          onChange={(event) => {
            setFirst(event.target.value);
            tell(event.target.value, second);
          }}
        />
      </Field>
      <Field label="The same again" error={second !== "" && second !== first ? "The two are not the same." : undefined}>
        <Input
          type="password"
          required
          maxLength={MOST}
          autoComplete="new-password"
          value={second}
          onChange={(event) => {
            setSecond(event.target.value);
            tell(first, event.target.value);
          }}
        />
      </Field>
    </>
  );
}
