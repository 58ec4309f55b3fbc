import { Page } from "@/ui/panel";
import { Empty } from "@/ui/states";

export function Reset() {
  return (
    <Page title="Reset">
      <Empty>Still to come.</Empty>
    </Page>
  );
}
