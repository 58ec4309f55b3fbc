import { Page } from "@/ui/panel";
import { Empty } from "@/ui/states";

export function Positions() {
  return (
    <Page title="Positions">
      <Empty>Still to come.</Empty>
    </Page>
  );
}
