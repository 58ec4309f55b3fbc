/** What pages are made of: a heading with its actions, and panels. */
import clsx from "clsx";
import type { ReactNode } from "react";

export function Page({ title, about, actions, children }: { title: string; about?: ReactNode; actions?: ReactNode; children: ReactNode }) {
  return (
    <div className="mx-auto flex w-full max-w-[1600px] flex-col gap-4 p-4">
      <header className="flex min-h-9 flex-wrap items-center gap-x-4 gap-y-2">
        <h1 className="text-xl font-semibold tracking-tight">{title}</h1>
        {about !== undefined && <p className="text-sm text-dim">{about}</p>}
        <div className="ml-auto flex flex-wrap items-center gap-2">{actions}</div>
      </header>
      {children}
    </div>
  );
}

interface PanelProps {
  /** A text is the panel's heading; controls may stand in its place. */
  title?: ReactNode;
  actions?: ReactNode;
  children: ReactNode;
  className?: string;
  /** Without inner space, for tables and charts. */
  flush?: boolean;
}

export function Panel({ title, actions, children, className, flush = false }: PanelProps) {
  return (
    <section className={clsx("min-w-0 rounded-lg border border-line bg-panel", className)}>
      {(title !== undefined || actions !== undefined) && (
        <div className="flex min-h-11 flex-wrap items-center gap-2 border-b border-line px-4 py-1.5">
          {typeof title === "string" ? <h2 className="text-sm font-semibold">{title}</h2> : title}
          <div className="ml-auto flex flex-wrap items-center gap-2">{actions}</div>
        </div>
      )}
      <div className={flush ? "" : "p-4"}>{children}</div>
    </section>
  );
}

/** A number that a person decides by, under its name. */
export function Figure({ name, children, hint }: { name: string; children: ReactNode; hint?: ReactNode }) {
  return (
    <div className="min-w-0">
      <dt className="truncate text-xs text-dim">{name}</dt>
      <dd className="truncate text-lg font-semibold tabular-nums">{children}</dd>
      {hint !== undefined && <dd className="truncate text-xs text-dim tabular-nums">{hint}</dd>}
    </div>
  );
}
