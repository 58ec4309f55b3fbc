import { Empty } from "@/ui/states";
import { EntryCard } from "./card";

export function SignUp() {
  return (
    <EntryCard title="Sign up">
      <Empty>Still to come.</Empty>
    </EntryCard>
  );
}
