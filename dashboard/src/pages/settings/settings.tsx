import { Page } from "@/ui/panel";
import { Empty } from "@/ui/states";

export function Settings() {
  return (
    <Page title="Settings">
      <Empty>Still to come.</Empty>
    </Page>
  );
}
