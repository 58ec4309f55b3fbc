/** Every shortcut; the same list opens by a question mark. */
import { ShortcutList } from "@/shell/shortcut_list";
import { Panel } from "@/ui/panel";

export function Shortcuts() {
  return (
    <Panel title="Shortcuts">
      <ShortcutList />
      <p className="mt-4 text-xs text-dim">They rest while you type into a field.</p>
    </Panel>
  );
}
