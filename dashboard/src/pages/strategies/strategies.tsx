import { Page } from "@/ui/panel";
import { Empty } from "@/ui/states";

export function Strategies() {
  return (
    <Page title="Strategies">
      <Empty>Still to come.</Empty>
    </Page>
  );
}
