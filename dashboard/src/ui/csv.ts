/** What a table shows as a file for a spreadsheet: RFC 4180, UTF-8. */

export type Cell = string | number | boolean | null | undefined;

/** A text that a spreadsheet would take for a formula is quoted: what it shows may come from outside. */
function cell(value: Cell): string {
  if (value === null || value === undefined) return "";
  const text = String(value);
  const safe = /^[=+@\t\r]|^-(?![\d.])/.test(text) ? `'${text}` : text;
  return /[",\r\n]/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe;
}

export function csv(names: readonly string[], rows: readonly (readonly Cell[])[]): string {
  return [names, ...rows].map((row) => row.map(cell).join(",")).join("\r\n") + "\r\n";
}

/** Offers text as a file of the browser's. */
export function save(name: string, text: string, type: string): void {
  const url = URL.createObjectURL(new Blob([text], { type }));
  const link = document.createElement("a");
  link.href = url;
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(url), 60_000);
}

export function saveCsv(name: string, names: readonly string[], rows: readonly (readonly Cell[])[]): void {
  save(`${name}.csv`, csv(names, rows), "text/csv;charset=utf-8");
}
