/** What stands around every page: the side bar, the state of things at the top, and the bar of a phone. */
import clsx from "clsx";
import { Menu } from "lucide-react";
import { Suspense, useState } from "react";
import { NavLink, Outlet } from "react-router";
import { LazyTour } from "@/tour/lazy_tour";
import { Loading } from "@/ui/states";
import { AccountPicker } from "./account_picker";
import { AlertBell } from "./alert_bell";
import { CriticalAlerts } from "./critical_alerts";
import { FreshnessBadge } from "./freshness";
import { KillSwitch } from "./kill_switch";
import { Palette } from "./palette";
import { PAGES } from "./pages";
import { Clock, UserMenu } from "./top_bar";
import { HaltBanner } from "./halt_banner";

export function Shell() {
  const [open, setOpen] = useState(false);
  return (
    <div className="flex min-h-dvh">
      <a href="#content" className="sr-only z-50 bg-accent p-2 text-on-accent focus:not-sr-only focus:fixed focus:top-2 focus:left-2">Skip to the page</a>
      <nav aria-label="Pages" className={clsx("fixed inset-y-0 left-0 z-30 w-48 flex-col border-r border-line bg-panel lg:sticky lg:top-0 lg:flex lg:h-dvh", open ? "flex" : "hidden")}>
        <div className="flex h-13 items-center gap-2 px-4 text-sm font-semibold tracking-tight">
          <img src="/favicon.svg" alt="" className="size-6" />
          AgentTrader
        </div>
        <ul className="flex flex-1 flex-col gap-0.5 overflow-y-auto p-2">
          {PAGES.map(({ path, name, icon: Icon }) => (
            <li key={path}>
              <NavLink
                to={path}
                end={path === "/"}
                onClick={() => setOpen(false)}
                className={({ isActive }) => clsx("flex h-9 items-center gap-2.5 rounded-md px-2.5 text-sm", isActive ? "bg-raised font-medium text-ink" : "text-dim hover:bg-raised hover:text-ink")}
              >
                <Icon aria-hidden className="size-4 shrink-0" />
                {name}
              </NavLink>
            </li>
          ))}
        </ul>
      </nav>
      {open && <button type="button" aria-label="Close the menu" className="fixed inset-0 z-20 bg-black/50 lg:hidden" onClick={() => setOpen(false)} />}
      <div className="flex min-w-0 flex-1 flex-col pb-14 lg:pb-0">
        <header className="sticky top-0 z-10 flex h-13 items-center gap-2 border-b border-line bg-panel px-3">
          <button type="button" aria-label="Open the menu" aria-expanded={open} className="rounded p-1.5 text-dim hover:text-ink lg:hidden" onClick={() => setOpen(!open)}>
            <Menu aria-hidden className="size-5" />
          </button>
          <AccountPicker />
          <FreshnessBadge />
          <div className="ml-auto flex items-center gap-1.5">
            <Clock />
            <Palette />
            <AlertBell />
            <KillSwitch />
            <UserMenu />
          </div>
        </header>
        <HaltBanner />
        <CriticalAlerts />
        <main id="content" tabIndex={-1} className="min-w-0 flex-1 outline-none">
          <Suspense fallback={<Loading rows={6} />}>
            <Outlet />
          </Suspense>
        </main>
      </div>
      <nav aria-label="Main pages" className="fixed inset-x-0 bottom-0 z-20 grid h-14 grid-cols-4 border-t border-line bg-panel lg:hidden">
        {PAGES.filter(({ phone }) => phone).map(({ path, name, icon: Icon }) => (
          <NavLink key={path} to={path} end={path === "/"} className={({ isActive }) => clsx("flex flex-col items-center justify-center gap-0.5 text-xs", isActive ? "text-accent" : "text-dim")}>
            <Icon aria-hidden className="size-5" />
            {name}
          </NavLink>
        ))}
      </nav>
      <LazyTour />
    </div>
  );
}
