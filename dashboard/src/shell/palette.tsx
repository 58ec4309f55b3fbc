/** Everything by keyboard: the command palette, and shortcuts (g and a letter goes to a page, ? lists them). */
import { Command } from "cmdk";
import { Search } from "lucide-react";
import { useEffect, useState } from "react";
import { useNavigate } from "react-router";
import { Dialog } from "@/ui/dialog";
import { IconButton } from "@/ui/button";
import { PAGES } from "./pages";
import { ShortcutList } from "./shortcut_list";

const WITHIN_MS = 1200;

export function Palette() {
  const [open, setOpen] = useState(false);
  const [help, setHelp] = useState(false);
  const navigate = useNavigate();
  useEffect(() => {
    let gone = 0;
    const pressed = (event: KeyboardEvent) => {
      if ((event.ctrlKey || event.metaKey) && event.key.toLowerCase() === "k") {
        event.preventDefault();
        setOpen(true);
        return;
      }
      const target = event.target as HTMLElement;
      if (event.ctrlKey || event.metaKey || event.altKey || target.isContentEditable || /^(?:INPUT|TEXTAREA|SELECT)$/.test(target.tagName)) return;
      if (event.key === "?") setHelp(true);
      else if (event.key === "/") {
        event.preventDefault();
        setOpen(true);
      } else if (event.key === "g") {
        gone = event.timeStamp;
      } else if (event.timeStamp - gone < WITHIN_MS) {
        gone = 0;
        const page = PAGES.find(({ key }) => key === event.key);
        if (page) void navigate(page.path);
      }
    };
    addEventListener("keydown", pressed);
    return () => removeEventListener("keydown", pressed);
  }, [navigate]);
  const go = (path: string) => {
    setOpen(false);
    void navigate(path);
  };
  return (
    <>
      <IconButton label="Commands (Ctrl K)" onClick={() => setOpen(true)}>
        <Search aria-hidden className="size-4.5" />
      </IconButton>
      <Dialog open={open} onOpenChange={setOpen} title="Go to" about="Type a page or a symbol.">
        <Commands go={go} />
      </Dialog>
      <Dialog open={help} onOpenChange={setHelp} title="Shortcuts">
        <ShortcutList />
      </Dialog>
    </>
  );
}

function Commands({ go }: { go: (path: string) => void }) {
  const [text, setText] = useState("");
  const symbol = text.trim().toUpperCase();
  return (
    <Command label="Commands" className="flex flex-col gap-2">
      <Command.Input autoFocus value={text} onValueChange={setText} placeholder="orders, SPY, …" className="h-9 w-full rounded-md border border-line bg-ground px-2.5 text-sm" />
      <Command.List className="max-h-72 overflow-y-auto">
        <Command.Empty className="p-3 text-sm text-dim">Nothing is called that.</Command.Empty>
        {/^[A-Z.]{1,6}$/.test(symbol) && (
          <Command.Item forceMount value={`trade ${symbol}`} onSelect={() => go(`/trade/${symbol}`)} className={ITEM}>Trade {symbol}</Command.Item>
        )}
        {PAGES.map(({ path, name, icon: Icon }) => (
          <Command.Item key={path} value={name} onSelect={() => go(path)} className={ITEM}>
            <Icon aria-hidden className="size-4" /> {name}
          </Command.Item>
        ))}
      </Command.List>
    </Command>
  );
}

const ITEM = "flex h-8 cursor-pointer items-center gap-2 rounded px-2 text-sm data-[selected=true]:bg-raised";
