/** What would become of the order that is being typed: asked once the typing pauses, and again while it stands. */
import { useEffect, useState } from "react";
import { useQuery } from "@tanstack/react-query";
import { body } from "@/api/client";
import type { NewOrder, OrderPreview } from "@/api/schema";
import { useApi } from "@/session/context";

const PAUSE_MS = 350;
const AGAIN_MS = 10_000;

export interface Preview {
  data: OrderPreview | undefined;
  error: Error | null;
  /** What is shown is of an order that has changed since. */
  old: boolean;
}

export function usePreview(order: NewOrder | null): Preview {
  const api = useApi();
  const typed = order === null ? null : JSON.stringify(order);
  const [asked, setAsked] = useState<string | null>(null);
  useEffect(() => {
    const timer = setTimeout(() => setAsked(typed), PAUSE_MS);
    return () => clearTimeout(timer);
  }, [typed]);
  const query = useQuery<OrderPreview>({
    queryKey: ["order-preview", asked],
    enabled: asked !== null && typed !== null,
    // A preview is of its moment.
    gcTime: 0,
    refetchInterval: AGAIN_MS,
    placeholderData: (before) => before,
    queryFn: ({ signal }) => body(api.POST("/api/orders/preview", { body: JSON.parse(asked ?? "{}") as NewOrder, signal })),
  });
  if (typed === null) return { data: undefined, error: null, old: false };
  return { data: query.data, error: query.error, old: asked !== typed || query.isPlaceholderData };
}
