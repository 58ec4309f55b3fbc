import { Page } from "@/ui/panel";
import { Empty } from "@/ui/states";

export function SignUp() {
  return (
    <Page title="SignUp">
      <Empty>Still to come.</Empty>
    </Page>
  );
}
