/** Times: UTC inside, shown in the trader's time zone and always with it. */

export type Instant = string;

/** One formatter for each zone and form: making one costs more than using it a thousand times. */
const FORMATS = new Map<string, Intl.DateTimeFormat>();

function format(zone: string, form: keyof typeof FORMS): Intl.DateTimeFormat {
  const key = `${form} ${zone}`;
  let found = FORMATS.get(key);
  if (!found) FORMATS.set(key, (found = new Intl.DateTimeFormat("en-CA", { timeZone: zone, ...FORMS[form] })));
  return found;
}

const FORMS = {
  clock: { hour: "2-digit", minute: "2-digit", second: "2-digit", hourCycle: "h23" },
  minute: { hour: "2-digit", minute: "2-digit", hourCycle: "h23" },
  day: { year: "numeric", month: "2-digit", day: "2-digit" },
  name: { timeZoneName: "short" },
} as const satisfies Record<string, Intl.DateTimeFormatOptions>;

/** "14:30:05" */
export function clock(at: Instant | Date, zone: string): string {
  return format(zone, "clock").format(new Date(at));
}

/** "14:30" */
export function minute(at: Instant | Date, zone: string): string {
  return format(zone, "minute").format(new Date(at));
}

/** "2026-12-01", of the zone */
export function day(at: Instant | Date, zone: string): string {
  return format(zone, "day").format(new Date(at));
}

/** "EST" */
export function zoneName(zone: string, at: Instant | Date = new Date()): string {
  return format(zone, "name").formatToParts(new Date(at)).find(({ type }) => type === "timeZoneName")?.value ?? zone;
}

/** "2026-12-01 14:30:05 EST" */
export function full(at: Instant | Date, zone: string): string {
  return `${day(at, zone)} ${clock(at, zone)} ${zoneName(zone, at)}`;
}

/** How long: "3 s", "5 min", "2 h", "4 d" */
export function ago(milliseconds: number): string {
  const seconds = Math.max(0, Math.round(milliseconds / 1000));
  if (seconds < 60) return `${seconds} s`;
  if (seconds < 3600) return `${Math.floor(seconds / 60)} min`;
  if (seconds < 86400) return `${Math.floor(seconds / 3600)} h`;
  return `${Math.floor(seconds / 86400)} d`;
}
