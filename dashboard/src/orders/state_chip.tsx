import { Chip } from "@/ui/figures";
import { stateOf } from "./words";

/** The state of an order; what it means on hover. */
export function StateChip({ status }: { status: string }) {
  const { name, tone, about } = stateOf(status);
  return <Chip tone={tone} title={about}>{name}</Chip>;
}
