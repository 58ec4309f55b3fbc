/** Shows what is announced. A module of its own, so that the first page does not wait for it. */
import { useEffect, type ComponentProps } from "react";
import { toast, Toaster } from "sonner";
import { shownBy } from "./announce";

export function Toasts({ theme }: { theme: NonNullable<ComponentProps<typeof Toaster>["theme"]> }) {
  // After the Toaster's own effect, by which it begins to hear.
  useEffect(() => shownBy(toast), []);
  return <Toaster theme={theme} position="bottom-right" closeButton richColors />;
}
