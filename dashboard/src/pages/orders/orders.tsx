import { Page } from "@/ui/panel";
import { Empty } from "@/ui/states";

export function Orders() {
  return (
    <Page title="Orders">
      <Empty>Still to come.</Empty>
    </Page>
  );
}
