import { Page } from "@/ui/panel";
import { Empty } from "@/ui/states";

export function Accounts() {
  return (
    <Page title="Accounts">
      <Empty>Still to come.</Empty>
    </Page>
  );
}
