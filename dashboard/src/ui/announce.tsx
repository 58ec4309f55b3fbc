/** What happened, as a message that passes, and for screen readers. Undo where what was done can be taken back. */
import type { toast } from "sonner";
import { sentence } from "@/api/problem";

let give: (toaster: typeof toast) => void;
/** Nothing is swallowed: what is said before messages can be shown waits for that. */
export const toaster = new Promise<typeof toast>((resolve) => { give = resolve; });

/** Is called by what shows the messages, once it does. */
export function shownBy(shower: typeof toast): void {
  give(shower);
}

export function said(text: string, undo?: () => void): void {
  void toaster.then((show) => show.success(text, undo ? { action: { label: "Undo", onClick: undo }, duration: 8000 } : {}));
}

export function failed(error: unknown): void {
  void toaster.then((show) => show.error(sentence(error), { duration: 10_000 }));
}
