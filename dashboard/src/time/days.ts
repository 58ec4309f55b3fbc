/** Days of the trader's zone, as moments. */

/** The moment at which a day ("2026-03-29") begins in a zone; the day after it ends there. */
export function beginning(day: string, zone: string): string {
  const wanted = Date.parse(`${day}T00:00:00Z`);
  // The offset is that of the moment itself, which is not known yet: twice is enough, also where the clocks change.
  let moment = wanted - offset(wanted, zone);
  moment = wanted - offset(moment, zone);
  return new Date(moment).toISOString();
}

/** The day after: "2026-03-30". */
export function next(day: string): string {
  return new Date(Date.parse(`${day}T00:00:00Z`) + 86_400_000).toISOString().slice(0, 10);
}

/** How far the zone's wall clock is ahead of UTC at a moment, in milliseconds. */
function offset(moment: number, zone: string): number {
  const parts = new Intl.DateTimeFormat("en-US", {
    timeZone: zone, hourCycle: "h23", year: "numeric", month: "numeric", day: "numeric", hour: "numeric", minute: "numeric", second: "numeric",
  }).formatToParts(new Date(moment));
  const of = (type: Intl.DateTimeFormatPartTypes) => Number(parts.find((part) => part.type === type)?.value ?? 0);
  return Date.UTC(of("year"), of("month") - 1, of("day"), of("hour"), of("minute"), of("second")) - Math.floor(moment / 1000) * 1000;
}
