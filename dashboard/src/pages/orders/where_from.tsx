/** Who asked for an order: a strategy by its name, a person, an event from outside, an exit. */
import { useRow } from "@/live/hooks";
import { Chip } from "@/ui/figures";

const SOURCES: Readonly<Record<string, string>> = {
  strategy: "strategy",
  manual: "by hand",
  automation: "automation",
  risk: "risk: an exit",
  external: "placed at the broker",
};

export function sourceName(source: string): string {
  return SOURCES[source] ?? source;
}

export function WhereFrom({ source, strategy }: { source: string; strategy: string | null }) {
  const named = useRow("strategies", strategy ?? undefined);
  return (
    <span className="inline-flex min-w-0 items-center gap-1.5">
      <Chip>{sourceName(source)}</Chip>
      {named && <span className="max-w-40 truncate">{named.name}</span>}
    </span>
  );
}
