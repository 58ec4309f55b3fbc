/** What this device does when an alert comes: kept here, since another device may be in another room. */
import { useState } from "react";
import { NOTIFY_KEY, notify, notifySettings, type Notify } from "@/shell/notify";
import { failed } from "@/ui/announce";
import { Button } from "@/ui/button";
import { Checkbox, Field, Select } from "@/ui/form";
import { Panel } from "@/ui/panel";

const EXAMPLE = { id: "example", severity: "critical", code: "EXAMPLE", text: "This is how an alert is told." } as const;

export function Notifications() {
  const [settings, setSettings] = useState(notifySettings);
  const [refused, setRefused] = useState(() => "Notification" in window && Notification.permission === "denied");
  const change = (changed: Partial<Notify>) => {
    const next = { ...settings, ...changed };
    setSettings(next);
    try {
      localStorage.setItem(NOTIFY_KEY, JSON.stringify(next));
    } catch {
      failed(new Error("The browser keeps nothing for this page: the choice is lost when it is closed."));
    }
  };
  const desktop = async (on: boolean) => {
    if (!on) {
      change({ desktop: false });
      return;
    }
    const answer = "Notification" in window ? await Notification.requestPermission() : "denied";
    setRefused(answer === "denied");
    change({ desktop: answer === "granted" });
  };
  return (
    <Panel title="Notifications of this device">
      <div className="flex flex-col gap-4 text-sm">
        <p className="text-dim">Alerts are always on the page, whatever is chosen here. A critical one stays on the screen until it was seen.</p>
        <Field label="Which alerts" className="max-w-60">
          <Select value={settings.least} onChange={(event) => change({ least: event.target.value as Notify["least"] })}>
            <option value="critical">Critical ones only</option>
            <option value="warning">Warnings and critical ones</option>
            <option value="info">All of them</option>
          </Select>
        </Field>
        <Checkbox label="Show a desktop notification" checked={settings.desktop} onChange={(event) => void desktop(event.target.checked)} />
        {refused && <p role="alert" className="text-xs text-danger">The browser refuses notifications of this page. Allow them in its settings for this site, then try again.</p>}
        <Checkbox label="Play a sound" checked={settings.sound} onChange={(event) => change({ sound: event.target.checked })} />
        <div><Button disabled={!settings.desktop && !settings.sound} onClick={() => notify(EXAMPLE)}>Try it</Button></div>
      </div>
    </Panel>
  );
}
