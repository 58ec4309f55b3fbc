import { Page } from "@/ui/panel";
import { Empty } from "@/ui/states";

export function Risk() {
  return (
    <Page title="Risk">
      <Empty>Still to come.</Empty>
    </Page>
  );
}
