/** The trader's word that an account may trade real money: the last that was given or taken back. */
import { useQuery } from "@tanstack/react-query";
import { body } from "@/api/client";
import type { BrokerAccount, LiveConfirmation } from "@/api/schema";
import { useApi } from "./context";

export const consentKey = (account: string) => ["accounts", "live", account] as const;

/** Null where there is none, or it was withdrawn; undefined until it is known, and for a paper account, which needs none. */
export function useLiveConsent(account: Pick<BrokerAccount, "id" | "is_paper"> | null): LiveConfirmation | null | undefined {
  const api = useApi();
  const id = account === null || account.is_paper ? undefined : account.id;
  const { data } = useQuery({
    queryKey: consentKey(id ?? ""),
    enabled: id !== undefined,
    queryFn: async () => (await body(api.GET("/api/broker-accounts/{id}/live-confirmations", { params: { path: { id: id ?? "" }, query: { limit: 1 } } }))).data,
  });
  const [last] = data ?? [];
  if (data === undefined) return undefined;
  return last?.action === "confirmed" ? last : null;
}
