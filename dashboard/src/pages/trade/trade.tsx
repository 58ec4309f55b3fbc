import { Page } from "@/ui/panel";
import { Empty } from "@/ui/states";

export function Trade() {
  return (
    <Page title="Trade">
      <Empty>Still to come.</Empty>
    </Page>
  );
}
