/** Desktop notification and sound of a new alert, as this device is set; silent where the browser does not allow it. */
import { z } from "zod";
import type { AlertRow } from "@/live/rows";

/** Where the settings of this device stand; the settings page writes them. */
export const NOTIFY_KEY = "agenttrader.notify";

const Notify = z.object({ desktop: z.boolean(), sound: z.boolean(), least: z.enum(["info", "warning", "critical"]) });
export type Notify = z.infer<typeof Notify>;

const SILENT: Notify = { desktop: false, sound: false, least: "critical" };
const ORDER = ["info", "warning", "critical"] as const;
const TONE_HZ = 880;
const TONE_SECONDS = 0.15;

export function notifySettings(): Notify {
  try {
    const read = Notify.safeParse(JSON.parse(localStorage.getItem(NOTIFY_KEY) ?? "null"));
    return read.success ? read.data : SILENT;
  } catch {
    return SILENT;
  }
}

export function notify(alert: Pick<AlertRow, "id" | "severity" | "text" | "code">): void {
  const { desktop, sound, least } = notifySettings();
  if (ORDER.indexOf(alert.severity) < ORDER.indexOf(least)) return;
  if (desktop && "Notification" in window && Notification.permission === "granted") {
    new Notification(`AgentTrader: ${alert.code}`, { body: alert.text, tag: alert.id });
  }
  if (sound) beep();
}

function beep(): void {
  const audio = new AudioContext();
  const tone = audio.createOscillator();
  tone.frequency.value = TONE_HZ;
  tone.connect(audio.destination);
  tone.start();
  tone.stop(audio.currentTime + TONE_SECONDS);
  tone.onended = () => void audio.close();
}
