import { Page } from "@/ui/panel";
import { Empty } from "@/ui/states";

export function Watchlist() {
  return (
    <Page title="Watchlist">
      <Empty>Still to come.</Empty>
    </Page>
  );
}
