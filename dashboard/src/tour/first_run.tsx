/** The first steps of somebody new, on the overview, until they are done or put away. */
import clsx from "clsx";
import { Check, Map as MapIcon, X } from "lucide-react";
import type { ReactNode } from "react";
import { Link } from "react-router";
import { useFreshness, useRows } from "@/live/hooks";
import { useAccounts } from "@/session/accounts";
import { useSession } from "@/session/context";
import { Button, IconButton } from "@/ui/button";
import { Panel } from "@/ui/panel";
import { allDone, doneOf, type Done } from "./first_steps";
import { dismissFirstRun, goToStop, useTour } from "./tour_state";

const LINK = "inline-flex h-7 items-center rounded-md border border-line bg-raised px-2 text-xs font-medium hover:border-dim";

interface Step {
  is: keyof Done;
  title: string;
  about: string;
  links: ReactNode;
}

const STEPS: readonly Step[] = [
  {
    is: "linked",
    title: "Link a paper account",
    about: "Play money at real prices. Its keys are sealed in your browser, and the broker is asked whether they are right.",
    links: <Link className={LINK} to="/accounts">Link an account</Link>,
  },
  {
    is: "begun",
    title: "Create a strategy, or place an order",
    about: "Either is checked by the risk rules before it is sent.",
    links: <><Link className={LINK} to="/strategies">Create a strategy</Link> <Link className={LINK} to="/trade">Place an order</Link></>,
  },
  {
    is: "filled",
    title: "Watch it trade",
    about: "Fills and positions are shown as they happen. The kill switch at the top stops new entries at once.",
    links: <><Link className={LINK} to="/positions">Positions</Link> <Link className={LINK} to="/risk">Risk</Link></>,
  },
];

/** Whether it is to be known still if there are first steps to show; not while nothing is heard that would tell. */
export function useFirstRunIsOpen(): boolean {
  const { accounts, error } = useAccounts();
  const strategies = useRows("strategies").loaded;
  const trades = useRows("trades").loaded;
  const { state } = useFreshness();
  const { dismissed } = useTour();
  const { claims } = useSession();
  if (dismissed || claims.desk_role === "viewer" || state === "stale") return false;
  return (accounts === undefined && error === null) || !strategies || !trades;
}

/** Nothing where there is nothing left to do, where it is not known yet, and for who only looks. */
export function FirstRun() {
  const { accounts } = useAccounts();
  const strategies = useRows("strategies");
  const trades = useRows("trades");
  const { claims } = useSession();
  const { dismissed } = useTour();
  if (dismissed || accounts === undefined || !strategies.loaded || !trades.loaded || claims.desk_role === "viewer") return null;
  const done = doneOf({ accounts, strategies: strategies.rows.length, trades: trades.rows });
  if (allDone(done)) return null;
  const next = STEPS.find(({ is }) => !done[is]);
  return (
    <Panel
      title="First steps"
      actions={
        <>
          <Button small onClick={() => goToStop(0)}><MapIcon aria-hidden className="size-3.5" /> Take the tour</Button>
          <IconButton label="Put the first steps away" onClick={() => dismissFirstRun(true)}><X aria-hidden className="size-4" /></IconButton>
        </>
      }
    >
      <ol className="grid gap-4 md:grid-cols-3">
        {STEPS.map((step, at) => (
          <li key={step.is} aria-current={step === next ? "step" : undefined} className="flex gap-3 text-sm">
            <span
              className={clsx(
                "inline-flex size-6 shrink-0 items-center justify-center rounded-full border text-xs font-semibold",
                done[step.is] ? "border-gain text-gain" : step === next ? "border-accent bg-accent text-on-accent" : "border-line text-dim",
              )}
            >
              {done[step.is] ? <Check role="img" aria-label="Done" className="size-3.5" /> : at + 1}
            </span>
            <div className="flex min-w-0 flex-col gap-2">
              <p className={clsx("font-medium", done[step.is] && "text-dim line-through")}>{step.title}</p>
              <p className="text-xs text-dim">{step.about}</p>
              {!done[step.is] && <div className="flex flex-wrap gap-2">{step.links}</div>}
            </div>
          </li>
        ))}
      </ol>
    </Panel>
  );
}
