/** Who changed a limit, when, from what to what. */
import { useQuery } from "@tanstack/react-query";
import { body } from "@/api/client";
import type { Limit, LimitVersion } from "@/api/schema";
import { useApi } from "@/session/context";
import { grouped } from "@/money/amount";
import { Dialog } from "@/ui/dialog";
import { FullTime } from "@/ui/figures";
import { Loaded } from "@/ui/states";
import { Table, type Column } from "@/ui/table";
import { limitName } from "./scopes";

const COLUMNS: readonly Column<LimitVersion>[] = [
  { id: "at", name: "When", cell: (row) => <FullTime at={row.at} />, value: (row) => row.at },
  { id: "actor", name: "Who", cell: (row) => row.actor, value: (row) => row.actor },
  { id: "before", name: "Before", numeric: true, cell: (row) => (row.value_before === null ? "no limit" : grouped(row.value_before)), value: (row) => row.value_before },
  { id: "after", name: "After", numeric: true, cell: (row) => (row.value === null ? "no limit" : grouped(row.value)), value: (row) => row.value },
  { id: "unit", name: "Unit", cell: (row) => row.unit, value: (row) => row.unit },
];

export function LimitHistory({ limit, onClose }: { limit: Limit; onClose: () => void }) {
  const api = useApi();
  const query = useQuery({
    queryKey: ["limits", "history", limit.id],
    queryFn: async () => (await body(api.GET("/api/risk/limits/{id}/history", { params: { path: { id: limit.id }, query: { limit: 200 } } }))).data,
  });
  return (
    <Dialog open onOpenChange={(open) => !open && onClose()} title={`History of ${limitName(limit.name)}`} wide>
      <Loaded query={query}>
        {(versions) => <Table label={`History of ${limit.name}`} columns={COLUMNS} rows={versions} rowKey={(row) => String(row.version)} empty="It was never changed." height={360} />}
      </Loaded>
    </Dialog>
  );
}
