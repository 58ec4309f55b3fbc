/** Settings: who you are, how you are let in, what this device tells you, and who else may act or hear. */
import { Tabs } from "radix-ui";
import { useSearchParams } from "react-router";
import { useSession } from "@/session/context";
import { Page } from "@/ui/panel";
import { ApiKeys } from "./api_keys";
import { Factors } from "./factors";
import { NewPasswordPanel } from "./new_password_panel";
import { Notifications } from "./notifications";
import { ProfilePanel } from "./profile_panel";
import { Sessions } from "./sessions";
import { Shortcuts } from "./shortcuts";
import { ThemePanel } from "./theme_panel";
import { Webhooks } from "./webhooks";

const PARTS = [
  { id: "you", name: "You", contents: [ProfilePanel, ThemePanel] },
  { id: "security", name: "Security", contents: [NewPasswordPanel, Factors, Sessions] },
  { id: "notifications", name: "Notifications", contents: [Notifications] },
  { id: "keys", name: "API keys", contents: [ApiKeys], wide: true },
  { id: "webhooks", name: "Webhooks", contents: [Webhooks], wide: true },
  { id: "shortcuts", name: "Shortcuts", contents: [Shortcuts] },
] as const;

export function Settings() {
  const [parameters, setParameters] = useSearchParams();
  const { session } = useSession();
  const asked = parameters.get("part");
  const part = PARTS.some(({ id }) => id === asked) ? (asked ?? "you") : "you";
  return (
    <Page title="Settings" about={session.user.email}>
      <Tabs.Root value={part} onValueChange={(chosen) => setParameters({ part: chosen }, { replace: true })}>
        <Tabs.List aria-label="Settings" className="mb-4 flex flex-wrap gap-1 border-b border-line pb-2">
          {PARTS.map(({ id, name }) => (
            <Tabs.Trigger key={id} value={id} className="h-8 rounded px-2.5 text-sm text-dim hover:text-ink data-[state=active]:bg-raised data-[state=active]:font-medium data-[state=active]:text-ink">
              {name}
            </Tabs.Trigger>
          ))}
        </Tabs.List>
        {PARTS.map((one) => (
          <Tabs.Content key={one.id} value={one.id} className={`flex min-h-96 flex-col gap-4 outline-none ${"wide" in one ? "" : "max-w-2xl"}`}>
            {one.contents.map((Content, at) => <Content key={at} />)}
          </Tabs.Content>
        ))}
      </Tabs.Root>
    </Page>
  );
}
