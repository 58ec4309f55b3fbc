/** The tour: a card that goes from page to page and leaves the page usable. */
import { ArrowLeft, ArrowRight, X } from "lucide-react";
import { useEffect, useId, useRef } from "react";
import { useNavigate } from "react-router";
import { Button, IconButton } from "@/ui/button";
import { EXAMPLES } from "./examples";
import { STOPS } from "./stops";
import { goToStop, useTour } from "./tour_state";

export function Tour() {
  const { stop: at } = useTour();
  const navigate = useNavigate();
  const title = useId();
  const card = useRef<HTMLDivElement>(null);
  const stop = at === null ? undefined : STOPS[at];
  const path = stop?.path;
  useEffect(() => {
    if (path !== undefined) void navigate(path);
  }, [path, navigate]);
  // The page below has just been changed: whoever does not see it is read the card, and goes on from there.
  useEffect(() => card.current?.focus(), [at]);
  if (at === null || !stop) return null;
  const last = at === STOPS.length - 1;
  return (
    <div
      ref={card}
      role="dialog"
      aria-modal={false}
      aria-labelledby={title}
      tabIndex={-1}
      onKeyDown={(event) => event.key === "Escape" && goToStop(null)}
      className="fixed right-4 bottom-18 z-30 w-[calc(100vw-2rem)] max-w-sm rounded-lg border border-accent bg-panel p-4 shadow-2xl outline-none lg:bottom-4"
    >
      <div className="flex items-start gap-2">
        <p id={title} className="flex-1 text-sm font-semibold">{stop.title} <span className="font-normal text-dim">· tour, {at + 1} of {STOPS.length}</span></p>
        <IconButton label="End the tour" className="-mt-1.5 -mr-1.5" onClick={() => goToStop(null)}><X aria-hidden className="size-4" /></IconButton>
      </div>
      <p className="mt-1 min-h-15 text-sm">{stop.text}</p>
      <figure className="mt-2 rounded-md border border-dashed border-line px-3 py-1">
        <figcaption className="text-xs text-dim">Example, made up</figcaption>
        {EXAMPLES[stop.example]}
      </figure>
      <div className="mt-3 flex justify-between">
        <Button small look="quiet" disabled={at === 0} onClick={() => goToStop(at - 1)}><ArrowLeft aria-hidden className="size-3.5" /> Back</Button>
        {last
          ? <Button small look="main" onClick={() => goToStop(null)}>Done</Button>
          : <Button small look="main" onClick={() => goToStop(at + 1)}>Next <ArrowRight aria-hidden className="size-3.5" /></Button>}
      </div>
    </div>
  );
}
