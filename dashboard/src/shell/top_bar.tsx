/** The clock in the trader's zone, and the menu of whoever is signed in. */
import { LogOut, Moon, Settings, Sun, UserRound } from "lucide-react";
import { DropdownMenu } from "radix-ui";
import { useEffect, useState } from "react";
import { Link } from "react-router";
import { useSession, useSignOut } from "@/session/context";
import { useProfile } from "@/session/profile";
import { chooseTheme, useShownTheme } from "@/theme/theme";
import { clock, zoneName } from "@/time/times";

export function Clock() {
  const zone = useProfile().time_zone;
  const [now, setNow] = useState(() => new Date());
  useEffect(() => {
    const timer = setInterval(() => setNow(new Date()), 1000);
    return () => clearInterval(timer);
  }, []);
  return (
    <span className="text-xs text-dim tabular-nums max-md:hidden" title={zone}>
      {clock(now, zone)} {zoneName(zone, now)}
    </span>
  );
}

const ITEM = "flex h-8 items-center gap-2 rounded px-2 text-sm outline-none data-[highlighted]:bg-raised";

export function UserMenu() {
  const { session } = useSession();
  const signOut = useSignOut();
  const theme = useShownTheme();
  return (
    <DropdownMenu.Root>
      <DropdownMenu.Trigger aria-label="Your menu" className="inline-flex size-8 items-center justify-center rounded-md text-dim hover:bg-raised hover:text-ink">
        <UserRound aria-hidden className="size-4.5" />
      </DropdownMenu.Trigger>
      <DropdownMenu.Portal>
        <DropdownMenu.Content align="end" sideOffset={6} className="z-50 min-w-52 rounded-md border border-line bg-panel p-1 shadow-xl">
          <DropdownMenu.Label className="truncate px-2 py-1.5 text-xs text-dim">{session.user.email}</DropdownMenu.Label>
          <DropdownMenu.Item asChild className={ITEM}>
            <Link to="/settings"><Settings aria-hidden className="size-4" /> Settings</Link>
          </DropdownMenu.Item>
          <DropdownMenu.Item className={ITEM} onSelect={() => chooseTheme(theme === "dark" ? "light" : "dark")}>
            {theme === "dark" ? <Sun aria-hidden className="size-4" /> : <Moon aria-hidden className="size-4" />} {theme === "dark" ? "Light" : "Dark"} theme
          </DropdownMenu.Item>
          <DropdownMenu.Item className={ITEM} onSelect={() => void signOut()}>
            <LogOut aria-hidden className="size-4" /> Sign out
          </DropdownMenu.Item>
        </DropdownMenu.Content>
      </DropdownMenu.Portal>
    </DropdownMenu.Root>
  );
}
