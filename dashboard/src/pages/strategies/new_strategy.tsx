/** A new strategy: first its kind, then its form. */
import { useState } from "react";
import { ArrowLeft } from "lucide-react";
import type { StrategyKind } from "@/api/schema";
import { Button } from "@/ui/button";
import { Empty, Loaded } from "@/ui/states";
import { useKinds } from "@/strategies/data";
import { StrategyEditor } from "./strategy_editor";

export function NewStrategy({ onDone }: { onDone: (id: string) => void }) {
  const kinds = useKinds();
  const [kind, setKind] = useState<StrategyKind | null>(null);
  if (kind) {
    return (
      <div className="flex flex-col gap-3">
        <div className="flex items-start gap-3">
          <Button small onClick={() => setKind(null)}><ArrowLeft aria-hidden className="size-3.5" /> Other kind</Button>
          <p className="text-xs text-dim"><strong className="font-semibold text-ink">{kind.title}.</strong> {firstSentence(kind.description)}</p>
        </div>
        <StrategyEditor kind={kind} strategy={null} onDone={onDone} />
      </div>
    );
  }
  return (
    <Loaded query={kinds} rows={6}>
      {(all) => all.length === 0 ? <Empty>No kind of strategy is installed.</Empty> : (
        <ul aria-label="Kinds of strategies" className="grid grid-cols-1 gap-2 sm:grid-cols-2">
          {all.map((one) => (
            <li key={one.kind}>
              <button type="button" onClick={() => setKind(one)} className="flex h-full w-full flex-col gap-1 rounded-md border border-line bg-ground p-3 text-left hover:border-dim">
                <span className="text-sm font-semibold">{one.title}</span>
                <span className="text-xs text-dim">{firstSentence(one.description)}</span>
              </button>
            </li>
          ))}
        </ul>
      )}
    </Loaded>
  );
}

function firstSentence(description: string): string {
  const text = description.replaceAll("`", "").split(/\n\s*\n/)[0]?.replaceAll(/\s+/g, " ") ?? "";
  return /^.*?\.(?= [A-Z]|$)/.exec(text)?.[0] ?? text;
}
