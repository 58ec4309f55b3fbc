import { Page } from "@/ui/panel";
import { Empty } from "@/ui/states";

export function Automation() {
  return (
    <Page title="Automation">
      <Empty>Still to come.</Empty>
    </Page>
  );
}
