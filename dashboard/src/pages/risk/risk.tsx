/** Risk: what is halted, what is used of each limit, and why each order passed or did not. */
import { Tabs } from "radix-ui";
import { Page, Panel } from "@/ui/panel";
import { Blackouts } from "./blackouts";
import { Breaches } from "./breaches";
import { Decisions } from "./decisions";
import { Halts } from "./halts";
import { HaltHistory } from "./halt_history";
import { Limits } from "./limits";

const RECORDS = [
  { id: "decisions", name: "Decisions", Content: Decisions },
  { id: "breaches", name: "Broken limits", Content: Breaches },
  { id: "halts", name: "Halt history", Content: HaltHistory },
  { id: "blackouts", name: "Dates without entries", Content: Blackouts },
] as const;

export function Risk() {
  return (
    <Page title="Risk">
      <Halts />
      <Limits />
      <Tabs.Root defaultValue="decisions">
        <Panel
          flush
          title={
            <Tabs.List aria-label="Records" className="flex flex-wrap gap-1">
              {RECORDS.map(({ id, name }) => (
                <Tabs.Trigger key={id} value={id} className="h-8 rounded px-2.5 text-sm text-dim hover:text-ink data-[state=active]:bg-raised data-[state=active]:text-ink">
                  {name}
                </Tabs.Trigger>
              ))}
            </Tabs.List>
          }
        >
          {RECORDS.map(({ id, Content }) => (
            <Tabs.Content key={id} value={id} className="min-h-60 outline-none">
              <Content />
            </Tabs.Content>
          ))}
        </Panel>
      </Tabs.Root>
    </Page>
  );
}
