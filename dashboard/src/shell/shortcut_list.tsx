/** What each key does, wherever nothing is being typed. */
import { PAGES } from "./pages";

const KEYS: readonly (readonly [keys: string, what: string])[] = [
  ["Ctrl K, /", "Commands"],
  ["?", "This list"],
  ["Esc", "Close a dialog"],
  ...PAGES.map(({ key, name }) => [`g ${key}`, name] as const),
];

export function ShortcutList() {
  return (
    <dl className="grid grid-cols-[auto_1fr] gap-x-4 gap-y-1 text-sm">
      {KEYS.map(([keys, what]) => (
        <div key={keys} className="contents">
          <dt><kbd className="rounded border border-line bg-raised px-1.5 text-xs">{keys}</kbd></dt>
          <dd>{what}</dd>
        </div>
      ))}
    </dl>
  );
}
