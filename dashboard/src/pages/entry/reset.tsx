import { Empty } from "@/ui/states";
import { EntryCard } from "./card";

export function Reset() {
  return (
    <EntryCard title="New password">
      <Empty>Still to come.</Empty>
    </EntryCard>
  );
}
