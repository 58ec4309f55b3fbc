/** What broke a limit, what was done about it, and when it had recovered. */
import { useQuery } from "@tanstack/react-query";
import { body } from "@/api/client";
import type { Breach } from "@/api/schema";
import { useApi } from "@/session/context";
import { grouped } from "@/money/amount";
import { Chip, FullTime } from "@/ui/figures";
import { Loaded } from "@/ui/states";
import { Table, type Column } from "@/ui/table";
import { limitName, useScopeName } from "./scopes";

const TONES = { warned: "warn", breached: "bad", worse: "bad", recovered: "good" } as const satisfies Record<Breach["happened"], string>;

export function Breaches() {
  const api = useApi();
  const nameOf = useScopeName();
  const query = useQuery({
    queryKey: ["pnl", "breaches"],
    queryFn: async () => (await body(api.GET("/api/risk/breaches", { params: { query: { limit: 200 } } }))).data,
  });
  const columns: readonly Column<Breach>[] = [
    { id: "at", name: "When", cell: (row) => <FullTime at={row.at} />, value: (row) => row.at },
    { id: "name", name: "Limit", cell: (row) => limitName(row.name), value: (row) => row.name },
    { id: "scope", name: "Of", cell: (row) => nameOf(row), value: (row) => nameOf(row) },
    { id: "happened", name: "What", cell: (row) => <Chip tone={TONES[row.happened]}>{row.happened}</Chip>, value: (row) => row.happened },
    { id: "measured", name: "Measured", numeric: true, cell: (row) => grouped(row.measured, { most: 2 }), value: (row) => row.measured },
    { id: "value", name: "Limit then", numeric: true, cell: (row) => grouped(row.value, { most: 2 }), value: (row) => row.value },
    { id: "act", name: "Done", cell: (row) => row.act?.replaceAll("_", " ") ?? "–", value: (row) => row.act },
  ];
  return (
    <Loaded query={query}>
      {(rows) => <Table label="Broken limits" columns={columns} rows={rows} rowKey={(row) => String(row.id)} empty="No limit was broken." />}
    </Loaded>
  );
}
