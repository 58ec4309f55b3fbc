/** What the broker stated: balances, activities, cash. Newest first, page by page. */
import { useInfiniteQuery } from "@tanstack/react-query";
import { body } from "@/api/client";
import type { Activity, Balance, CashMovement } from "@/api/schema";
import { dollars } from "@/money/amount";
import { accountName, useAccounts } from "@/session/accounts";
import { useApi } from "@/session/context";
import { Button } from "@/ui/button";
import { Chip, FullTime, Pnl } from "@/ui/figures";
import { Failure } from "@/ui/states";
import { Table, type Column } from "@/ui/table";

interface Page<Row> {
  data: Row[];
  next_cursor: string | null;
}

interface Of {
  limit: number;
  cursor?: string;
  broker_account_id?: string;
}

interface Props<Row> {
  label: string;
  columns: readonly Column<Row>[];
  rowKey: (row: Row) => string;
  empty: string;
  ask: (query: Of) => Promise<Page<Row>>;
}

function Pages<Row extends object>({ label, columns, rowKey, empty, ask }: Props<Row>) {
  const { selected } = useAccounts();
  const query = useInfiniteQuery({
    queryKey: ["statements", label, selected?.id ?? null],
    initialPageParam: undefined as string | undefined,
    queryFn: ({ pageParam }) => ask({ limit: 100, ...(pageParam ? { cursor: pageParam } : {}), ...(selected ? { broker_account_id: selected.id } : {}) }),
    getNextPageParam: (page) => page.next_cursor ?? undefined,
  });
  if (query.error) return <Failure error={query.error} retry={() => void query.refetch()} />;
  return (
    <>
      <Table label={label} columns={columns} rows={query.data?.pages.flatMap((page) => page.data) ?? []} rowKey={rowKey} loading={query.isPending} empty={empty} height={600} />
      {query.hasNextPage && <div className="p-3"><Button busy={query.isFetchingNextPage} onClick={() => void query.fetchNextPage()}>Older ones</Button></div>}
    </>
  );
}

function useAccountColumn<Row extends { broker_account_id: string }>(): Column<Row> {
  const { byId } = useAccounts();
  const name = (row: Row) => {
    const found = byId.get(row.broker_account_id);
    return found ? accountName(found) : row.broker_account_id;
  };
  return { id: "account", name: "Account", optional: true, cell: name, value: name };
}

export function Balances() {
  const api = useApi();
  const account = useAccountColumn<Balance>();
  const money = (id: "equity" | "cash" | "buying_power" | "settled_cash" | "margin_requirement", name: string, optional = false): Column<Balance> => ({ id, name, numeric: true, optional, cell: (row) => dollars(row[id]), value: (row) => row[id] });
  const columns: readonly Column<Balance>[] = [
    { id: "as_of", name: "As of", cell: (row) => <FullTime at={row.as_of} />, value: (row) => row.as_of },
    account,
    money("equity", "Equity"),
    money("cash", "Cash"),
    money("buying_power", "Buying power", true),
    money("settled_cash", "Settled cash", true),
    money("margin_requirement", "Margin", true),
  ];
  return <Pages label="Balances" columns={columns} rowKey={(row) => `${row.broker_account_id} ${row.as_of}`} empty="The broker has not been asked yet." ask={(query) => body(api.GET("/api/statements/balances", { params: { query } }))} />;
}

export function Activities() {
  const api = useApi();
  const account = useAccountColumn<Activity>();
  const columns: readonly Column<Activity>[] = [
    { id: "at", name: "When", cell: (row) => <FullTime at={row.occurred_at} />, value: (row) => row.occurred_at },
    account,
    { id: "kind", name: "Kind", cell: (row) => row.kind.replaceAll("_", " "), value: (row) => row.kind },
    { id: "symbol", name: "Symbol", cell: (row) => row.symbol ?? "–", value: (row) => row.symbol },
    { id: "state", name: "In the books", cell: (row) => <Chip tone={row.state === "applied" ? "good" : "warn"}>{row.state}</Chip>, value: (row) => row.state },
    { id: "note", name: "Note", optional: true, cell: (row) => row.note, value: (row) => row.note },
    { id: "id", name: "Broker's number", optional: true, cell: (row) => <code className="text-xs">{row.external_id}</code>, value: (row) => row.external_id },
  ];
  return <Pages label="Activities" columns={columns} rowKey={(row) => row.id} empty="The broker has told of nothing yet." ask={(query) => body(api.GET("/api/statements/activities", { params: { query } }))} />;
}

export function Cash() {
  const api = useApi();
  const account = useAccountColumn<CashMovement>();
  const columns: readonly Column<CashMovement>[] = [
    { id: "at", name: "When", cell: (row) => <FullTime at={row.occurred_at} />, value: (row) => row.occurred_at },
    account,
    { id: "kind", name: "Kind", cell: (row) => row.kind.replaceAll("_", " "), value: (row) => row.kind },
    { id: "symbol", name: "Symbol", cell: (row) => row.symbol ?? "–", value: (row) => row.symbol },
    { id: "amount", name: "Amount", numeric: true, cell: (row) => <Pnl amount={row.amount} arrow={false} />, value: (row) => row.amount },
  ];
  return <Pages label="Cash movements" columns={columns} rowKey={(row) => row.id} empty="No dividend, fee, deposit or withdrawal yet." ask={(query) => body(api.GET("/api/statements/cash", { params: { query } }))} />;
}
