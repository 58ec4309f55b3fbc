/** Whether the tour is on, at which stop, and whether the first steps were put away: kept on this device. */
import { useSyncExternalStore } from "react";
import { z } from "zod";

const Kept = z.object({ dismissed: z.boolean() });
const KEY = "agenttrader.first-run";

export interface TourState {
  /** The stop that is shown; null: the tour is off. */
  stop: number | null;
  /** The list of first steps was put away. */
  dismissed: boolean;
}

let state: TourState = { stop: null, dismissed: kept() };
const listeners = new Set<() => void>();

export function useTour(): TourState {
  return useSyncExternalStore(subscribe, () => state);
}

/** Goes to a stop; null ends the tour. */
export function goToStop(stop: number | null): void {
  change({ ...state, stop });
}

export function dismissFirstRun(dismissed: boolean): void {
  try {
    localStorage.setItem(KEY, JSON.stringify({ dismissed } satisfies z.infer<typeof Kept>));
  } catch {
    // Storage may be forbidden: the choice lasts as long as the page.
  }
  change({ ...state, dismissed });
}

function kept(): boolean {
  try {
    const read = Kept.safeParse(JSON.parse(localStorage.getItem(KEY) ?? "null"));
    return read.success && read.data.dismissed;
  } catch {
    return false;
  }
}

function change(next: TourState): void {
  state = next;
  for (const listener of listeners) listener();
}

function subscribe(listener: () => void): () => void {
  listeners.add(listener);
  return () => listeners.delete(listener);
}
