/** What happened, as a message that passes, and for screen readers. Undo where what was done can be taken back. */
import { toast } from "sonner";
import { sentence } from "@/api/problem";

export function said(text: string, undo?: () => void): void {
  toast.success(text, undo ? { action: { label: "Undo", onClick: undo }, duration: 8000 } : {});
}

export function failed(error: unknown): void {
  toast.error(sentence(error), { duration: 10_000 });
}
