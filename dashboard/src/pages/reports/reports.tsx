/** Reports: what each session made, what the broker stated, and whether the books agree with it. */
import { Tabs } from "radix-ui";
import { Page, Panel } from "@/ui/panel";
import { Activities, Balances, Cash } from "./statements";
import { DailyReports } from "./daily_reports";
import { Reconciliation } from "./reconciliation";

const PARTS = [
  { id: "daily", name: "Daily P&L", Content: DailyReports },
  { id: "balances", name: "Balances", Content: Balances },
  { id: "activities", name: "Activities", Content: Activities },
  { id: "cash", name: "Cash", Content: Cash },
  { id: "reconciliation", name: "Reconciliation", Content: Reconciliation },
] as const;

export function Reports() {
  return (
    <Page title="Reports">
      <Tabs.Root defaultValue="daily">
        <Panel
          flush
          title={
            <Tabs.List aria-label="Reports" className="flex flex-wrap gap-1 print:hidden">
              {PARTS.map(({ id, name }) => (
                <Tabs.Trigger key={id} value={id} className="h-8 rounded px-2.5 text-sm text-dim hover:text-ink data-[state=active]:bg-raised data-[state=active]:text-ink">
                  {name}
                </Tabs.Trigger>
              ))}
            </Tabs.List>
          }
        >
          {PARTS.map(({ id, Content }) => (
            <Tabs.Content key={id} value={id} className="min-h-80 outline-none">
              <Content />
            </Tabs.Content>
          ))}
        </Panel>
      </Tabs.Root>
    </Page>
  );
}
