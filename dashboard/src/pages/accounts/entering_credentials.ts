/** Seals a credential for the one function that may open it, and hands it in. Nothing of it is kept in the browser. */
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { body } from "@/api/client";
import type { BrokerAccount } from "@/api/schema";
import { seal, type Purpose } from "@/sealing";
import { useApi, useSession } from "@/session/context";

export interface Entered {
  account: Pick<BrokerAccount, "id" | "broker" | "is_paper" | "version">;
  purpose: Purpose;
  fields: Record<string, string>;
}

export function useEnterCredentials() {
  const api = useApi();
  const queries = useQueryClient();
  const { session } = useSession();
  return useMutation({
    meta: { shown: true },
    mutationFn: async ({ account, purpose, fields }: Entered) => {
      const key = await body(api.GET("/api/broker-accounts/sealing-key", { params: { query: { purpose } } }));
      const { sealedBox } = await import("@/sealed_box");
      const credential = {
        user: session.user.id,
        account: account.id,
        broker: account.broker,
        environment: account.is_paper ? "paper" as const : "live" as const,
        purpose,
        fields,
        sealedAt: new Date(),
      };
      const sealed = await seal(sealedBox, credential, key);
      return body(api.PUT("/api/broker-accounts/{id}", {
        params: { path: { id: account.id }, header: { "if-match": `"${account.version}"` } },
        body: { credential: { purpose, key_id: key.id, sealed } },
      }));
    },
    onSettled: () => queries.invalidateQueries({ queryKey: ["accounts"] }),
  });
}
