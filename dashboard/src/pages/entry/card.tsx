/** The frame of the pages before sign-in. */
import type { ReactNode } from "react";

export function EntryCard({ title, about, children, foot }: { title: string; about?: ReactNode; children: ReactNode; foot?: ReactNode }) {
  return (
    <main className="flex min-h-dvh flex-col items-center justify-center gap-4 p-4">
      <div className="flex items-center gap-2 text-lg font-semibold tracking-tight">
        <img src="/favicon.svg" alt="" className="size-8" />
        AgentTrader
      </div>
      <div className="w-full max-w-sm rounded-lg border border-line bg-panel p-6">
        <h1 className="text-lg font-semibold">{title}</h1>
        {about !== undefined && <p className="mt-1 text-sm text-dim">{about}</p>}
        <div className="mt-5">{children}</div>
      </div>
      {foot !== undefined && <p className="text-sm text-dim">{foot}</p>}
    </main>
  );
}
