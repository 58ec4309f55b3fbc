/** Loads the tour when it is taken. */
import { lazy, Suspense } from "react";
import { useTour } from "./tour_state";

const Tour = lazy(async () => ({ default: (await import("./tour")).Tour }));

export function LazyTour() {
  const { stop } = useTour();
  if (stop === null) return null;
  return <Suspense fallback={null}><Tour /></Suspense>;
}
