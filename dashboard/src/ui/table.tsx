/** Tables: sorted by a click, saved as CSV, and with as many elements as are in sight. */
import clsx from "clsx";
import { createSortedRowModel, rowSortingFeature, tableFeatures, useTable, type ColumnDef, type SortingState } from "@tanstack/react-table";
import { useVirtualizer } from "@tanstack/react-virtual";
import { ArrowDown, ArrowUp, Download } from "lucide-react";
import { memo, useMemo, useRef, useState, type ReactNode } from "react";
import Big from "big.js";
import { IconButton } from "./button";
import { saveCsv, type Cell } from "./csv";
import { Empty, Loading } from "./states";

export interface Column<Row> {
  id: string;
  /** With its unit, where the cells do not show one. */
  name: string;
  cell: (row: Row) => ReactNode;
  /** What the column is sorted by, and what CSV says; amounts as text. */
  value: (row: Row) => Cell;
  /** Sorted as amounts, not as text; aligned to the right. */
  numeric?: boolean;
  /** Left out where there is no room: on a phone. */
  optional?: boolean;
}

interface Props<Row> {
  /** For whoever does not see it, and the name of the CSV file. */
  label: string;
  columns: readonly Column<Row>[];
  rows: readonly Row[];
  rowKey: (row: Row) => string;
  onRow?: (row: Row) => void;
  /** What to say where there is none. */
  empty: ReactNode;
  loading?: boolean;
  sort?: { id: string; desc: boolean };
  /** Height in pixels of what scrolls; the table is as high as its rows below that. */
  height?: number;
  csv?: boolean;
}

const FEATURES = tableFeatures({ rowSortingFeature, sortedRowModel: createSortedRowModel() });
const ROW_HEIGHT = 36;
const VIRTUAL_FROM = 60;

export function Table<Row extends object>({ label, columns, rows, rowKey, onRow, empty, loading = false, sort, height = 560, csv = true }: Props<Row>) {
  const [sorting, setSorting] = useState<SortingState>(sort ? [sort] : []);
  const defs = useMemo(() => columns.map((column): ColumnDef<typeof FEATURES, Row> => ({
    id: column.id,
    accessorFn: (row) => column.value(row),
    sortFn: (a, b) => compare(column.value(a.original), column.value(b.original), column.numeric === true),
    sortDescFirst: column.numeric === true,
  })), [columns]);
  const table = useTable({ features: FEATURES, data: rows, columns: defs, getRowId: rowKey, state: { sorting }, onSortingChange: setSorting });
  const sorted = table.getRowModel().rows;
  const frame = useRef<HTMLDivElement>(null);
  const virtual = sorted.length > VIRTUAL_FROM;
  // eslint-disable-next-line react-hooks/incompatible-library -- the compiler is not used
  const virtualizer = useVirtualizer({ count: sorted.length, getScrollElement: () => frame.current, estimateSize: () => ROW_HEIGHT, overscan: 12, enabled: virtual });
  const items = virtualizer.getVirtualItems();
  const shown = virtual ? items.map(({ index }) => sorted[index]).filter((row) => row !== undefined) : sorted;
  const above = virtual ? (items[0]?.start ?? 0) : 0;
  const below = virtual ? virtualizer.getTotalSize() - (items.at(-1)?.end ?? 0) : 0;

  if (loading) return <Loading rows={5} />;
  if (rows.length === 0) return <Empty>{empty}</Empty>;
  const by = new Map(columns.map((column) => [column.id, column]));
  return (
    <div className="group relative">
      <div ref={frame} tabIndex={0} role="region" aria-label={label} className="overflow-auto" style={{ maxHeight: height }}>
        <table className="w-full border-collapse text-sm">
          <thead className="sticky top-0 z-10 bg-panel">
            {table.getHeaderGroups().map((group) => (
              <tr key={group.id}>
                {group.headers.map((header) => {
                  const column = by.get(header.column.id);
                  const order = header.column.getIsSorted();
                  // What only acts has no heading, and is not sorted by.
                  if (column?.name === "") return <td key={header.id} className="border-b border-line" />;
                  return (
                    <th key={header.id} scope="col" aria-sort={order === "asc" ? "ascending" : order === "desc" ? "descending" : "none"} className={clsx("border-b border-line px-3 py-0 text-xs font-medium text-dim", column?.numeric ? "text-right" : "text-left", column?.optional && "max-md:hidden", csv && "last:pr-10")}>
                      <button type="button" onClick={header.column.getToggleSortingHandler()} className="inline-flex h-8 items-center gap-1 whitespace-nowrap hover:text-ink">
                        {column?.name}
                        {order === "asc" && <ArrowUp aria-hidden className="size-3" />}
                        {order === "desc" && <ArrowDown aria-hidden className="size-3" />}
                      </button>
                    </th>
                  );
                })}
              </tr>
            ))}
          </thead>
          <tbody>
            {above > 0 && <tr aria-hidden style={{ height: above }} />}
            {shown.map((row) => <BodyRow key={row.id} id={row.id} row={row.original} columns={columns} onRow={onRow} />)}
            {below > 0 && <tr aria-hidden style={{ height: below }} />}
          </tbody>
        </table>
      </div>
      {csv && (
        <IconButton
          label={`Save ${label} as CSV`}
          className="absolute top-0.5 right-1 z-20 size-7! bg-panel"
          onClick={() => saveCsv(label, columns.map(({ name }) => name), sorted.map(({ original }) => columns.map(({ value }) => value(original))))}
        >
          <Download aria-hidden className="size-4" />
        </IconButton>
      )}
    </div>
  );
}

/** Painted again only when it or the columns have changed: of a table that is told of often, a few rows change at a time. */
const BodyRow = memo(BodyRowShown) as typeof BodyRowShown;

function BodyRowShown<Row>({ id, row, columns, onRow }: { id: string; row: Row; columns: readonly Column<Row>[]; onRow: ((row: Row) => void) | undefined }) {
  return (
    <tr data-key={id} {...(onRow ? { onClick: () => onRow(row), className: "cursor-pointer hover:bg-raised" } : {})} style={{ height: ROW_HEIGHT }}>
      {columns.map((column) => (
        <td key={column.id} className={clsx("border-b border-line/60 px-3 whitespace-nowrap", column.numeric && "text-right tabular-nums", column.optional && "max-md:hidden")}>
          {column.cell(row)}
        </td>
      ))}
    </tr>
  );
}

/** Missing comes first, upwards; amounts by their value, whatever their length. */
export function compare(a: Cell, b: Cell, numeric: boolean): number {
  if (a === null || a === undefined || a === "") return b === null || b === undefined || b === "" ? 0 : -1;
  if (b === null || b === undefined || b === "") return 1;
  if (numeric) return new Big(String(a)).cmp(String(b));
  return String(a) < String(b) ? -1 : String(a) > String(b) ? 1 : 0;
}
