import { Page } from "@/ui/panel";
import { Empty } from "@/ui/states";

export function StrategyDetail() {
  return (
    <Page title="StrategyDetail">
      <Empty>Still to come.</Empty>
    </Page>
  );
}
