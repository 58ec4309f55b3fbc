import { Page } from "@/ui/panel";
import { Empty } from "@/ui/states";

export function History() {
  return (
    <Page title="History">
      <Empty>Still to come.</Empty>
    </Page>
  );
}
