/** A time zone, found by typing. */
import { Command } from "cmdk";
import { useMemo, useState } from "react";
import { clock, zoneName } from "@/time/times";
import { Button } from "@/ui/button";
import { Dialog } from "@/ui/dialog";
import { found, zones } from "./time_zones";

const MOST = 60;

export function ZonePicker({ value, onChange }: { value: string; onChange: (zone: string) => void }) {
  const [open, setOpen] = useState(false);
  const here = Intl.DateTimeFormat().resolvedOptions().timeZone;
  return (
    <div className="flex flex-col gap-1">
      <span id="zone-label" className="text-xs font-medium text-dim">Time zone</span>
      <div className="flex flex-wrap items-center gap-2">
        <Button aria-labelledby="zone-label zone-value" onClick={() => setOpen(true)}>
          <span id="zone-value">{value.replaceAll("_", " ")} ({zoneName(value)})</span>
        </Button>
        {here !== value && <Button look="quiet" small onClick={() => onChange(here)}>Use this device&apos;s: {here.replaceAll("_", " ")}</Button>}
      </div>
      <p className="text-xs text-dim tabular-nums">It is {clock(new Date(), value)} there. Every time on every page is shown in it.</p>
      <Dialog open={open} onOpenChange={setOpen} title="Time zone" about="Type a city or a zone, such as Zurich or EST.">
        <Zones
          choose={(zone) => {
            onChange(zone);
            setOpen(false);
          }}
        />
      </Dialog>
    </div>
  );
}

function Zones({ choose }: { choose: (zone: string) => void }) {
  const [typed, setTyped] = useState("");
  const all = useMemo(() => zones(), []);
  return (
    <Command label="Time zones" shouldFilter={false} className="flex flex-col gap-2">
      <Command.Input autoFocus value={typed} onValueChange={setTyped} placeholder="New York, Zurich, …" className="h-9 w-full rounded-md border border-line bg-ground px-2.5 text-sm" />
      <Command.List className="h-72 overflow-y-auto">
        <Command.Empty className="p-3 text-sm text-dim">No time zone is called that.</Command.Empty>
        {found(all, typed, MOST).map(({ id, name }) => (
          <Command.Item key={id} value={id} onSelect={() => choose(id)} className="flex h-8 cursor-pointer items-center rounded px-2 text-sm data-[selected=true]:bg-raised">
            {name}
          </Command.Item>
        ))}
      </Command.List>
    </Command>
  );
}
