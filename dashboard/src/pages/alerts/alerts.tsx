import { Page } from "@/ui/panel";
import { Empty } from "@/ui/states";

export function Alerts() {
  return (
    <Page title="Alerts">
      <Empty>Still to come.</Empty>
    </Page>
  );
}
