/** A trader's own words on a trade: written, changed, taken away, and never over somebody else's unseen. */
import { useState } from "react";
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { body } from "@/api/client";
import { sentence } from "@/api/problem";
import type { Trade } from "@/api/schema";
import { useApi, useSession } from "@/session/context";
import { said } from "@/ui/announce";
import { Button } from "@/ui/button";
import { Dialog } from "@/ui/dialog";
import { FullTime } from "@/ui/figures";
import { Field, TextArea } from "@/ui/form";
import { Panel } from "@/ui/panel";

const MOST = 4000;
type Noted = Pick<Trade, "id" | "symbol" | "side" | "note">;

/** The note's words; null where there is none, or none any more. */
export function noteOf({ note }: Pick<Trade, "note">): string | null {
  return note === null || note.text === "" ? null : note.text;
}

function useWriteNote(trade: Noted) {
  const api = useApi();
  const queries = useQueryClient();
  return useMutation({
    meta: { shown: true },
    mutationFn: ({ text, seen }: { text: string; seen: number }) => body(api.PUT("/api/trades/{id}/note", {
      params: { path: { id: trade.id }, header: { "if-match": `"${seen}"` } },
      body: { text },
    })),
    onSettled: () => Promise.all([queries.invalidateQueries({ queryKey: ["trades"] }), queries.invalidateQueries({ queryKey: ["trade"] })]),
  });
}

export function NoteForm({ trade, onDone }: { trade: Noted; onDone: () => void }) {
  const [text, setText] = useState(trade.note?.text ?? "");
  // What was seen when the writing began: another device's note is not written over unseen.
  const [seen] = useState(trade.note?.version ?? 0);
  const write = useWriteNote(trade);
  const save = async () => {
    const before = trade.note?.text ?? "";
    const written = await write.mutateAsync({ text: text.trim(), seen }).catch(() => null);
    if (!written) return;
    said(written.text === "" ? "The note is taken away." : "The note is kept.", () => write.mutate({ text: before, seen: written.version }));
    onDone();
  };
  return (
    <form
      className="flex flex-col gap-3"
      onSubmit={(event) => {
        event.preventDefault();
        void save();
      }}
    >
      <Field label="Note" hint={`For you and your desk; nothing decides by it. ${text.length} of ${MOST} characters.`} error={write.error ? sentence(write.error) : undefined}>
        <TextArea rows={4} maxLength={MOST} autoFocus value={text} onChange={(event) => setText(event.target.value)} />
      </Field>
      <div className="flex justify-end gap-2">
        <Button onClick={onDone}>Cancel</Button>
        <Button type="submit" look="main" busy={write.isPending}>Keep the note</Button>
      </div>
    </form>
  );
}

export function NoteDialog({ trade, onClose }: { trade: Noted; onClose: () => void }) {
  return (
    <Dialog open onOpenChange={(open) => !open && onClose()} title={`Note on ${trade.side} ${trade.symbol}`}>
      <NoteForm trade={trade} onDone={onClose} />
    </Dialog>
  );
}

export function NotePanel({ trade }: { trade: Noted }) {
  const { claims } = useSession();
  const [writing, setWriting] = useState(false);
  const text = noteOf(trade);
  const acts = claims.desk_role !== "viewer";
  return (
    <Panel title="Note" actions={acts && !writing && <Button small onClick={() => setWriting(true)}>{text === null ? "Write a note" : "Change the note"}</Button>}>
      {writing ? <NoteForm trade={trade} onDone={() => setWriting(false)} /> : text === null ? <p className="text-sm text-dim">No note yet.</p> : (
        <>
          <p className="text-sm break-words whitespace-pre-wrap">{text}</p>
          <p className="mt-2 text-xs text-dim">Written <FullTime at={trade.note?.updated_at} /></p>
        </>
      )}
    </Panel>
  );
}
