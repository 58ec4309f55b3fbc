/** A month of results, each day with its sign and amount: colour only says it again. */
import clsx from "clsx";
import { ChevronLeft, ChevronRight } from "lucide-react";
import { useState } from "react";
import { sign, type Amount } from "@/money/amount";
import { IconButton } from "@/ui/button";
import { Pnl } from "@/ui/figures";
import { Panel } from "@/ui/panel";
import { weeksOf } from "./results";

const WEEKDAYS = ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"];

export function Calendar({ days, newest }: { days: ReadonlyMap<string, Amount | null>; newest: string }) {
  const [chosen, setChosen] = useState<string | null>(null);
  const month = chosen ?? newest.slice(0, 7);
  const move = (by: number) => {
    const at = new Date(`${month}-01T00:00:00Z`);
    at.setUTCMonth(at.getUTCMonth() + by);
    setChosen(at.toISOString().slice(0, 7));
  };
  return (
    <Panel
      title="Results by session, $"
      actions={
        <>
          <IconButton label="Month before" onClick={() => move(-1)}><ChevronLeft aria-hidden className="size-4" /></IconButton>
          <span aria-live="polite" className="text-sm tabular-nums">{month}</span>
          <IconButton label="Month after" onClick={() => move(1)}><ChevronRight aria-hidden className="size-4" /></IconButton>
        </>
      }
    >
      <table className="w-full table-fixed text-xs">
        <caption className="sr-only">Results of {month} by session of the exchange, in dollars</caption>
        <thead>
          <tr>{WEEKDAYS.map((name) => <th key={name} scope="col" className="pb-1 font-medium text-dim">{name}</th>)}</tr>
        </thead>
        <tbody>
          {weeksOf(month).map((week, row) => (
            <tr key={row}>{week.map((date, at) => <td key={at} className="h-12 p-0.5 align-top">{date !== null && <Day date={date} amount={days.get(date)} />}</td>)}</tr>
          ))}
        </tbody>
      </table>
    </Panel>
  );
}

/** Undefined: no report. Null: a report whose result is not known. */
function Day({ date, amount }: { date: string; amount: Amount | null | undefined }) {
  const direction = sign(amount);
  return (
    <div className={clsx("h-full overflow-hidden rounded border p-1", direction === 1 ? "border-gain/50" : direction === -1 ? "border-loss/50" : "border-line")}>
      <time dateTime={date} className="block text-dim">{Number(date.slice(8))}</time>
      {amount !== undefined && <Pnl amount={amount} arrow={false} className="max-sm:text-[9px]" />}
    </div>
  );
}
