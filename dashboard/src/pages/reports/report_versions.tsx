/** Every version of a report that was corrected: when it was written, and what it said otherwise than the one before. */
import { useQuery } from "@tanstack/react-query";
import { body } from "@/api/client";
import { dollars } from "@/money/amount";
import { useApi } from "@/session/context";
import { FullTime } from "@/ui/figures";
import { Loaded } from "@/ui/states";
import { corrections, FIGURES } from "./corrections";

const MOST = 50;

export function ReportVersions({ id, newest }: { id: string; newest: number }) {
  const api = useApi();
  const query = useQuery({
    queryKey: ["reports", id, "versions", newest],
    queryFn: async () => (await body(api.GET("/api/reports/{id}/versions", { params: { path: { id }, query: { limit: MOST } } }))).data,
  });
  return (
    <section aria-label="Versions" className="mt-4">
      <h3 className="text-sm font-semibold">Versions</h3>
      <Loaded query={query} rows={2}>
        {(versions) => (
          <ol className="mt-2 flex flex-col gap-2 text-sm">
            {versions.map((version, at) => {
              const before = versions[at + 1];
              return (
                <li key={version.report_version}>
                  <span className="font-medium">Version {version.report_version}</span> <span className="text-dim"><FullTime at={version.written_at} /></span>
                  {before === undefined
                    ? version.report_version === 1 && <span className="text-dim"> as first written</span>
                    : <ul className="ml-4 list-disc text-dim">{corrections(before, version).map(({ figure, before: was, after }) => <li key={figure}>{FIGURES[figure]}: {dollars(was)} became {dollars(after)}</li>)}</ul>}
                </li>
              );
            })}
          </ol>
        )}
      </Loaded>
    </section>
  );
}
