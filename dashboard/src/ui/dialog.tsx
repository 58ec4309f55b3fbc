/** Dialogs: what moves money is confirmed, and what cannot be taken back is typed. */
import { useLayoutEffect, useRef, useState, type ReactNode } from "react";
import { Dialog as Radix } from "radix-ui";
import { X } from "lucide-react";
import { sentence } from "@/api/problem";
import { Button } from "./button";
import { Field, Input } from "./form";

interface Props {
  open: boolean;
  onOpenChange: (open: boolean) => void;
  title: ReactNode;
  about?: ReactNode;
  children: ReactNode;
  wide?: boolean;
}

export function Dialog({ open, onOpenChange, title, about, children, wide = false }: Props) {
  // Before anything inside takes the focus. Whoever has no mouse goes on where they were, not at the top of the page.
  const cameFrom = useRef<Element | null>(null);
  useLayoutEffect(() => {
    if (open) cameFrom.current = document.activeElement;
  }, [open]);
  return (
    <Radix.Root open={open} onOpenChange={onOpenChange}>
      <Radix.Portal>
        <Radix.Overlay className="fixed inset-0 z-40 bg-black/60" />
        <Radix.Content
          onCloseAutoFocus={(event) => {
            event.preventDefault();
            if (cameFrom.current instanceof HTMLElement) cameFrom.current.focus();
          }}
          {...(about === undefined ? { "aria-describedby": undefined } : {})}
          className={`fixed top-1/2 left-1/2 z-50 max-h-[90dvh] w-[calc(100vw-2rem)] -translate-x-1/2 -translate-y-1/2 overflow-y-auto rounded-lg border border-line bg-panel p-5 shadow-2xl ${wide ? "max-w-3xl" : "max-w-md"}`}
        >
          <Radix.Title className="pr-8 text-base font-semibold">{title}</Radix.Title>
          {about !== undefined && <Radix.Description className="mt-1 text-sm text-dim">{about}</Radix.Description>}
          <Radix.Close aria-label="Close" className="absolute top-4 right-4 rounded p-1 text-dim hover:text-ink">
            <X aria-hidden className="size-4" />
          </Radix.Close>
          <div className="mt-4">{children}</div>
        </Radix.Content>
      </Radix.Portal>
    </Radix.Root>
  );
}

interface ConfirmProps {
  open: boolean;
  onOpenChange: (open: boolean) => void;
  title: ReactNode;
  /** What will happen, with its numbers. */
  children: ReactNode;
  /** The word on the button: what it does. */
  act: string;
  danger?: boolean;
  /** False while something in it is to be mended first. */
  ready?: boolean;
  /** A word to be typed first. */
  word?: string;
  onConfirm: () => Promise<unknown>;
}

/** Asks before it acts; stays open and says why where it was refused. */
export function Confirm({ open, onOpenChange, title, children, act, danger = false, ready = true, word, onConfirm }: ConfirmProps) {
  const [typed, setTyped] = useState("");
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState<unknown>(null);
  const change = (next: boolean) => {
    setTyped("");
    setError(null);
    onOpenChange(next);
  };
  const confirm = async () => {
    setBusy(true);
    setError(null);
    try {
      await onConfirm();
      change(false);
    } catch (caught) {
      setError(caught);
    } finally {
      setBusy(false);
    }
  };
  return (
    <Dialog open={open} onOpenChange={change} title={title}>
      <form
        className="flex flex-col gap-4 text-sm"
        onSubmit={(event) => {
          event.preventDefault();
          void confirm();
        }}
      >
        <div className="flex flex-col gap-2">{children}</div>
        {word !== undefined && (
          <Field label={<>Type <strong>{word}</strong> to confirm</>}>
            <Input value={typed} onChange={(event) => setTyped(event.target.value)} autoComplete="off" autoFocus />
          </Field>
        )}
        {error !== null && <p role="alert" className="text-danger">{sentence(error)}</p>}
        <div className="flex justify-end gap-2">
          <Button onClick={() => change(false)}>Cancel</Button>
          <Button type="submit" look={danger ? "danger" : "main"} busy={busy} disabled={!ready || (word !== undefined && typed.trim() !== word)}>{act}</Button>
        </div>
      </form>
    </Dialog>
  );
}
