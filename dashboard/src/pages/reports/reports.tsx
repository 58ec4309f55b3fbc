import { Page } from "@/ui/panel";
import { Empty } from "@/ui/states";

export function Reports() {
  return (
    <Page title="Reports">
      <Empty>Still to come.</Empty>
    </Page>
  );
}
