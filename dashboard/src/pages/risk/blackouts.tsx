/** Dates on which nothing new is opened: earnings, ex-dividend days, whatever a trader enters. */
import { useState } from "react";
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { body } from "@/api/client";
import { sentence } from "@/api/problem";
import type { Blackout, GivenBlackout } from "@/api/schema";
import { useApi, useSession } from "@/session/context";
import { said } from "@/ui/announce";
import { Button } from "@/ui/button";
import { Chip } from "@/ui/figures";
import { Field, Input, Select } from "@/ui/form";
import { Loaded } from "@/ui/states";
import { Table, type Column } from "@/ui/table";

export function Blackouts() {
  const api = useApi();
  const queries = useQueryClient();
  const { claims } = useSession();
  const acts = claims.desk_role !== "viewer";
  const query = useQuery({
    queryKey: ["blackouts"],
    queryFn: async () => (await body(api.GET("/api/risk/blackouts", { params: { query: { limit: 200 } } }))).data,
  });
  const remove = useMutation({
    mutationFn: (row: Blackout) => api.DELETE("/api/risk/blackouts/{id}", { params: { path: { id: row.id } } }),
    onSuccess: () => said("Entries pass on these dates again."),
    onSettled: () => queries.invalidateQueries({ queryKey: ["blackouts"] }),
  });
  const columns: readonly Column<Blackout>[] = [
    { id: "from", name: "From", cell: (row) => row.from_date ?? "–", value: (row) => row.from_date },
    { id: "until", name: "Until", cell: (row) => row.until_date ?? "–", value: (row) => row.until_date },
    { id: "symbol", name: "Symbol", cell: (row) => row.symbol ?? "everything", value: (row) => row.symbol },
    { id: "kind", name: "Kind", cell: (row) => <Chip>{row.kind.replaceAll("_", " ")}</Chip>, value: (row) => row.kind },
    { id: "reason", name: "Why", cell: (row) => row.reason, value: (row) => row.reason },
    { id: "whose", name: "Whose", cell: (row) => (row.for_everybody ? "everybody's" : "yours"), value: (row) => String(row.for_everybody) },
    {
      id: "remove",
      name: "",
      cell: (row) => acts && (!row.for_everybody || claims.administrator) && <Button small look="quiet" onClick={() => remove.mutate(row)}>Remove</Button>,
      value: () => null,
    },
  ];
  return (
    <>
      {acts && <NewBlackout />}
      <Loaded query={query}>
        {(rows) => <Table label="Dates without entries" columns={columns} rows={rows} rowKey={(row) => row.id} empty="No dates are entered." />}
      </Loaded>
    </>
  );
}

function NewBlackout() {
  const api = useApi();
  const queries = useQueryClient();
  const [given, setGiven] = useState({ symbol: "", kind: "other" as GivenBlackout["kind"], from: "", until: "", reason: "" });
  const enter = useMutation({
    meta: { shown: true },
    mutationFn: () => body(api.POST("/api/risk/blackouts", {
      params: { header: { "idempotency-key": crypto.randomUUID() } },
      body: {
        kind: given.kind,
        symbol: given.symbol.trim() === "" ? null : given.symbol.trim().toUpperCase(),
        from_date: given.from,
        until_date: given.until === "" ? given.from : given.until,
        reason: given.reason,
        source: "entered",
        for_everybody: false,
      },
    })),
    onSuccess: () => said("Nothing new is opened on these dates."),
    onSettled: () => queries.invalidateQueries({ queryKey: ["blackouts"] }),
  });
  const set = (change: Partial<typeof given>) => setGiven({ ...given, ...change });
  return (
    <form
      className="grid items-end gap-3 p-4 sm:grid-cols-3 lg:grid-cols-[8rem_9rem_10rem_10rem_1fr_auto]"
      onSubmit={(event) => {
        event.preventDefault();
        enter.mutate();
      }}
    >
      <Field label="Symbol (optional)"><Input value={given.symbol} maxLength={32} placeholder="everything" onChange={(event) => set({ symbol: event.target.value })} /></Field>
      <Field label="Kind">
        <Select value={given.kind} onChange={(event) => set({ kind: event.target.value as GivenBlackout["kind"] })}>
          <option value="other">other</option>
          <option value="earnings">earnings</option>
          <option value="expiry">expiry</option>
          <option value="ex_dividend">ex-dividend</option>
        </Select>
      </Field>
      <Field label="From (New York)"><Input type="date" required value={given.from} onChange={(event) => set({ from: event.target.value })} /></Field>
      <Field label="Until, included"><Input type="date" min={given.from} value={given.until} onChange={(event) => set({ until: event.target.value })} /></Field>
      <Field label="Why" error={enter.error ? sentence(enter.error) : undefined}><Input value={given.reason} maxLength={2000} onChange={(event) => set({ reason: event.target.value })} /></Field>
      <Button type="submit" busy={enter.isPending}>Enter dates</Button>
    </form>
  );
}
