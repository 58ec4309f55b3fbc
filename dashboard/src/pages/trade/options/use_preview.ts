/** What would become of the order: asked once the building pauses, and again while it stands. */
import { useEffect, useState } from "react";
import { useQuery } from "@tanstack/react-query";
import { body } from "@/api/client";
import type { NewOrder, OrderPreview } from "@/api/schema";
import { useApi } from "@/session/context";

const PAUSE_MS = 350;
const AGAIN_MS = 10_000;

export interface Previewed {
  data: OrderPreview | undefined;
  error: Error | null;
  /** Of an order that has changed since. */
  old: boolean;
}

export function useOrderPreview(order: NewOrder | null): Previewed {
  const api = useApi();
  const wanted = order === null ? null : JSON.stringify(order);
  const [asked, setAsked] = useState<string | null>(null);
  useEffect(() => {
    const timer = setTimeout(() => setAsked(wanted), PAUSE_MS);
    return () => clearTimeout(timer);
  }, [wanted]);
  const query = useQuery<OrderPreview>({
    queryKey: ["order-preview", asked],
    enabled: asked !== null && wanted !== null,
    gcTime: 0,
    refetchInterval: AGAIN_MS,
    placeholderData: (before) => before,
    queryFn: ({ signal }) => body(api.POST("/api/risk/preview", { body: JSON.parse(asked ?? "{}") as NewOrder, signal })),
  });
  if (wanted === null) return { data: undefined, error: null, old: false };
  return { data: query.data, error: query.error, old: asked !== wanted || query.isPlaceholderData };
}
