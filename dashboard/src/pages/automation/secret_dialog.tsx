/** The address and the secret of a source, shown this once. */
import { TriangleAlert } from "lucide-react";
import type { AutomationSecret, AutomationSource } from "@/api/schema";
import { Button } from "@/ui/button";
import { Dialog } from "@/ui/dialog";
import { Copied } from "@/ui/copied";
import { recipes } from "./recipes";

export interface Made {
  secret: AutomationSecret;
  of: Pick<AutomationSource, "name" | "kind" | "authentication" | "symbols">;
}

export function SecretDialog({ made, close }: { made: Made | null; close: () => void }) {
  return (
    <Dialog open={made !== null} onOpenChange={(open) => !open && close()} title={made ? `Secret of ${made.of.name}` : "Secret"} about="Shown this once. Store it where your sender reads it; nobody can show it again." wide>
      {made && (
        <div className="flex flex-col gap-4 text-sm">
          <Copied label="Address" text={made.secret.url} />
          {made.of.authentication === "hmac" ? <Copied label="Secret" text={made.secret.secret} /> : (
            <p className="flex gap-2 text-warn"><TriangleAlert aria-hidden className="size-4 shrink-0" /> The secret stands in the address: whoever reads it is believed. Keep it out of logs and screen shots.</p>
          )}
          {recipes(made.of, made.secret.url).map(({ name, about, text }) => (
            <div key={name}><Copied label={name} text={text} /><p className="mt-1 text-xs text-dim">{about}</p></div>
          ))}
          <div className="flex justify-end"><Button look="main" onClick={close}>I have stored it</Button></div>
        </div>
      )}
    </Dialog>
  );
}
