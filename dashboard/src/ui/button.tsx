/** Buttons: one main action a place, danger only for what moves money or cannot be taken back. */
import clsx from "clsx";
import { LoaderCircle } from "lucide-react";
import type { ComponentProps } from "react";

type Look = "main" | "plain" | "quiet" | "danger";

const LOOKS: Record<Look, string> = {
  main: "bg-accent text-on-accent hover:brightness-110",
  plain: "bg-raised text-ink border border-line hover:border-dim",
  quiet: "text-dim hover:text-ink hover:bg-raised",
  danger: "bg-danger text-on-danger hover:brightness-110",
};

interface Props extends ComponentProps<"button"> {
  look?: Look;
  /** Shows that it works and takes no second click. */
  busy?: boolean;
  small?: boolean;
}

export function Button({ look = "plain", busy = false, small = false, className, children, disabled, type = "button", ...rest }: Props) {
  return (
    <button
      type={type}
      aria-busy={busy}
      disabled={disabled === true || busy}
      className={clsx(
        "inline-flex items-center justify-center gap-1.5 rounded-md font-medium whitespace-nowrap transition disabled:opacity-55",
        small ? "h-7 px-2 text-xs" : "h-9 px-3 text-sm",
        LOOKS[look],
        className,
      )}
      {...rest}
    >
      {busy && <LoaderCircle aria-hidden className="size-4 animate-spin" />}
      {children}
    </button>
  );
}

/** A button that is only a picture: its name is for whoever does not see it. */
export function IconButton({ label, className, children, ...rest }: ComponentProps<"button"> & { label: string }) {
  return (
    <button
      type="button"
      aria-label={label}
      title={label}
      className={clsx("inline-flex size-8 items-center justify-center rounded-md text-dim transition hover:bg-raised hover:text-ink disabled:opacity-55", className)}
      {...rest}
    >
      {children}
    </button>
  );
}
