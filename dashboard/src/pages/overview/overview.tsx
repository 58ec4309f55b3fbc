import { Page } from "@/ui/panel";
import { Empty } from "@/ui/states";

export function Overview() {
  return (
    <Page title="Overview">
      <Empty>Still to come.</Empty>
    </Page>
  );
}
