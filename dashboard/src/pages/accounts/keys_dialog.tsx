/** New keys in the place of those that are there. */
import { useState } from "react";
import { sentence } from "@/api/problem";
import type { BrokerAccount } from "@/api/schema";
import type { Purpose } from "@/sealing";
import { accountName } from "@/session/accounts";
import { said } from "@/ui/announce";
import { Button } from "@/ui/button";
import { Dialog } from "@/ui/dialog";
import { CredentialFields } from "./credential_fields";
import { useEnterCredentials } from "./entering_credentials";

interface Props {
  account: BrokerAccount;
  purpose: Purpose;
  onClose: () => void;
}

export function KeysDialog({ account, purpose, onClose }: Props) {
  const [fields, setFields] = useState<Record<string, string>>({});
  const enter = useEnterCredentials();
  const about = purpose === "trading"
    ? "What is there is gone with it, and the broker is asked at once."
    : "A key that reads the market: of a paper account, so that it can cost nobody money. Orders are never sent with it.";
  return (
    <Dialog open onOpenChange={(open) => !open && onClose()} title={`${purpose === "trading" ? "Keys" : "Market-data key"} of ${accountName(account)}`} about={about}>
      <form
        className="flex flex-col gap-4"
        onSubmit={(event) => {
          event.preventDefault();
          enter.mutate({ account, purpose, fields }, {
            onSuccess: () => {
              setFields({});
              said("The keys are entered.");
              onClose();
            },
          });
        }}
      >
        <CredentialFields broker={account.broker} values={fields} onChange={setFields} />
        {enter.error && <p role="alert" className="text-sm text-danger">{sentence(enter.error)}</p>}
        <div className="flex justify-end gap-2">
          <Button onClick={onClose}>Cancel</Button>
          <Button type="submit" look="main" busy={enter.isPending}>Enter them</Button>
        </div>
      </form>
    </Dialog>
  );
}
