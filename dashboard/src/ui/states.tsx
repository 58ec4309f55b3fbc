/** What is shown where there is nothing to show: empty, loading, or wrong. */
import { CircleAlert, Inbox } from "lucide-react";
import type { ReactNode } from "react";
import { Problem, sentence } from "@/api/problem";
import { Button } from "./button";

/** Nothing there yet, and what to do about it. */
export function Empty({ children, action }: { children: ReactNode; action?: ReactNode }) {
  return (
    <div className="flex flex-col items-center gap-3 px-4 py-10 text-center text-sm text-dim">
      <Inbox aria-hidden className="size-7 opacity-60" />
      <div className="max-w-md">{children}</div>
      {action}
    </div>
  );
}

/** Holds the place of what comes, so that nothing jumps. */
export function Loading({ rows = 3, what = "Loading" }: { rows?: number; what?: string }) {
  return (
    <div role="status" aria-label={what} className="flex flex-col gap-2 p-4">
      {Array.from({ length: rows }, (_, row) => (
        <div key={row} aria-hidden className="h-6 animate-pulse rounded bg-raised" />
      ))}
    </div>
  );
}

/** What went wrong, in a sentence that tells what to do. */
export function Failure({ error, retry }: { error: unknown; retry?: () => void }) {
  return (
    <div role="alert" className="flex flex-col items-center gap-3 px-4 py-8 text-center text-sm">
      <CircleAlert aria-hidden className="size-7 text-danger" />
      <p className="max-w-lg">{sentence(error)}</p>
      {error instanceof Problem && (
        <p className="text-xs text-dim">
          {error.code}
          {error.requestId !== null && ` · request ${error.requestId}`}
        </p>
      )}
      {retry && <Button onClick={retry}>Try again</Button>}
    </div>
  );
}

/** The three states of a query, and its data. */
export function Loaded<Data>({ query, rows, children }: { query: Asked<Data>; rows?: number; children: (data: Data) => ReactNode }) {
  if (query.data !== undefined) return <>{children(query.data)}</>;
  if (query.error) return <Failure error={query.error} retry={() => void query.refetch()} />;
  return <Loading {...(rows === undefined ? {} : { rows })} />;
}

interface Asked<Data> {
  data: Data | undefined;
  error: Error | null;
  refetch: () => unknown;
}
