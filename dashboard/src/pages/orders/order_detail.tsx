import { Page } from "@/ui/panel";
import { Empty } from "@/ui/states";

export function OrderDetail() {
  return (
    <Page title="OrderDetail">
      <Empty>Still to come.</Empty>
    </Page>
  );
}
