/** What needs the second factor of whoever has one, and nothing more of whoever has none. */
import type { ReactNode } from "react";
import { useStepUp } from "@/session/step_up";
import { useFactors } from "./factors_query";

export function useWithFactor(why: ReactNode): { withFactor: (act: () => void) => void; dialog: ReactNode } {
  const factors = useFactors();
  const { stepUp, dialog } = useStepUp(why);
  const has = factors.data?.some(({ verified }) => verified) === true;
  return { withFactor: (act) => (has ? stepUp(act) : act()), dialog };
}
