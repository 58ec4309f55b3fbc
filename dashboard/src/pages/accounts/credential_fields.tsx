/** What each broker asks for, where to find it, and how it is entered. */
import { FIELDS, type BrokerName } from "@/sealing";
import { Field, Input } from "@/ui/form";

const LABELS: Record<string, string> = {
  key: "API key",
  secret: "API secret",
  client_secret: "Client secret",
  refresh_token: "Refresh token",
};

export const WHERE: Readonly<Record<BrokerName, string>> = {
  alpaca: "In Alpaca's dashboard: API Keys, Generate. Keys of paper accounts begin with PK, of live ones with AK.",
  tastytrade: "At my.tastytrade.com: API, OAuth applications. Make a personal grant with the scopes read and trade.",
};

interface Props {
  broker: BrokerName;
  values: Record<string, string>;
  onChange: (values: Record<string, string>) => void;
}

export function CredentialFields({ broker, values, onChange }: Props) {
  return (
    <>
      {FIELDS[broker].map((name) => (
        <Field key={name} label={LABELS[name] ?? name}>
          <Input
            type="password"
            required
            maxLength={1500}
            autoComplete="off"
            spellCheck={false}
            value={values[name] ?? ""}
            onChange={(event) => onChange({ ...values, [name]: event.target.value.trim() })}
          />
        </Field>
      ))}
      <p className="text-xs text-dim">{WHERE[broker]} It is sealed here, in your browser: neither this dashboard nor the database&apos;s administrator can read it.</p>
    </>
  );
}
