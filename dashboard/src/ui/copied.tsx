/** Text to be taken away: shown whole, and copied by a click. */
import { Check, Copy } from "lucide-react";
import { useState } from "react";
import { failed } from "./announce";
import { Button } from "./button";

export function Copied({ label, text }: { label: string; text: string }) {
  const [done, setDone] = useState(false);
  const copy = async () => {
    try {
      await navigator.clipboard.writeText(text);
      setDone(true);
    } catch {
      failed(new Error("The browser did not let it be copied: mark the text and copy it by hand."));
    }
  };
  return (
    <figure className="flex min-w-0 flex-col gap-1">
      <figcaption className="flex items-center justify-between text-xs font-medium text-dim">
        {label}
        <Button small look="quiet" aria-label={`Copy: ${label}`} onClick={() => void copy()}>
          {done ? <Check aria-hidden className="size-3.5" /> : <Copy aria-hidden className="size-3.5" />} {done ? "Copied" : "Copy"}
        </Button>
      </figcaption>
      <pre tabIndex={0} aria-label={label} className="overflow-x-auto rounded-md border border-line bg-ground p-2.5 text-xs"><code>{text}</code></pre>
    </figure>
  );
}
