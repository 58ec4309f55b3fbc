/** Why no order can be sent on the account now: the same for every way to place one. */
import type { BrokerAccount } from "@/api/schema";
import { useFreshness, useRows } from "@/live/hooks";
import { useSession } from "@/session/context";
import { useLiveConsent } from "@/session/live_consent";
import { blocked } from "./blocked";

export function useBlocked(account: BrokerAccount | null, opening: boolean): string | null {
  const { session, claims } = useSession();
  const { state } = useFreshness();
  const gates = useRows("gates").rows;
  const consent = useLiveConsent(account);
  const agreed = consent === undefined ? undefined : consent !== null;
  return blocked({ viewer: claims.desk_role === "viewer", user: session.user.id, account, freshness: state, agreed, gates, opening });
}
