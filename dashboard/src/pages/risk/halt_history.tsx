/** Every halt that was engaged and lifted, by whom and why. */
import { useQuery } from "@tanstack/react-query";
import { body } from "@/api/client";
import type { HaltEvent } from "@/api/schema";
import { useApi } from "@/session/context";
import { Chip, FullTime } from "@/ui/figures";
import { Loaded } from "@/ui/states";
import { Table, type Column } from "@/ui/table";
import { scopeOfKey, useScopeName } from "./scopes";

export function HaltHistory() {
  const api = useApi();
  const nameOf = useScopeName();
  const query = useQuery({
    queryKey: ["halts", "history"],
    queryFn: async () => (await body(api.GET("/api/risk/halts/history", { params: { query: { limit: 200 } } }))).data,
  });
  const columns: readonly Column<HaltEvent>[] = [
    { id: "at", name: "When", cell: (row) => <FullTime at={row.at} />, value: (row) => row.at },
    { id: "scope", name: "Of", cell: (row) => nameOf(scopeOfKey(row.gate_key)), value: (row) => row.gate_key },
    { id: "action", name: "What", cell: (row) => <Chip tone={row.action === "lifted" ? "good" : "bad"}>{row.action.replaceAll("_", " ")}</Chip>, value: (row) => row.action },
    { id: "mode", name: "How", cell: (row) => row.mode.replaceAll("_", " "), value: (row) => row.mode },
    { id: "by", name: "Who", cell: (row) => row.by_whom, value: (row) => row.by_whom },
    { id: "reason", name: "Why", cell: (row) => row.reason, value: (row) => row.reason },
  ];
  return (
    <Loaded query={query}>
      {(rows) => <Table label="Halt history" columns={columns} rows={rows} rowKey={(row) => String(row.id)} empty="Nothing was ever halted." />}
    </Loaded>
  );
}
