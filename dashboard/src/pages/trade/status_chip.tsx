/** The state of an order in a word, and whether it is over. */
import { Chip } from "@/ui/figures";

const OVER = new Set(["rejected", "filled", "canceled", "replaced", "expired"]);

export function isOver(status: string): boolean {
  return OVER.has(status);
}

export function StatusChip({ status }: { status: string }) {
  const tone = status === "filled" ? "good" : status === "rejected" || status === "unknown" ? "bad" : status === "partially_filled" || status.endsWith("_pending") ? "warn" : isOver(status) ? "plain" : "accent";
  return <Chip tone={tone} {...(status === "unknown" ? { title: "Sent, and the broker has not said whether it has it" } : {})}>{status.replaceAll("_", " ")}</Chip>;
}
