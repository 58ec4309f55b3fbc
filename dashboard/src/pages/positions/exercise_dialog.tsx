/** Exercising a held option now, or having it expire although it is in the money. */
import { useState } from "react";
import { useQueryClient } from "@tanstack/react-query";
import { body } from "@/api/client";
import type { PositionRow } from "@/live/rows";
import { quantity } from "@/money/amount";
import { useApi } from "@/session/context";
import { said } from "@/ui/announce";
import { Confirm } from "@/ui/dialog";
import { Segments } from "@/ui/form";

type Wish = "exercise" | "leave";

export function ExerciseDialog({ position, onClose }: { position: PositionRow; onClose: () => void }) {
  const api = useApi();
  const queries = useQueryClient();
  const [wish, setWish] = useState<Wish>("exercise");
  // One wish is one key: a lost answer and a second click ask for nothing twice.
  const [keys] = useState(() => ({ exercise: crypto.randomUUID(), leave: crypto.randomUUID() }));
  const many = `${quantity(position.quantity)} ${position.symbol}`;
  const confirm = async () => {
    await body(api.POST("/api/positions/{symbol}/exercise", {
      params: { path: { symbol: position.symbol }, header: { "idempotency-key": keys[wish] } },
      body: { broker_account_id: position.broker_account_id, quantity: position.quantity, do_not_exercise: wish === "leave" },
    }));
    await queries.invalidateQueries({ queryKey: ["exercises"] });
    said(wish === "exercise" ? `The broker is asked to exercise ${many}.` : `The broker is asked not to exercise ${many}.`);
  };
  return (
    <Confirm open onOpenChange={(open) => !open && onClose()} title={`Exercise ${position.symbol}`} act={wish === "exercise" ? "Exercise all" : "Do not exercise"} danger onConfirm={confirm}>
      <Segments label="What the broker is asked" value={wish} onChange={setWish} options={[{ value: "exercise", label: "Exercise now" }, { value: "leave", label: "Let it expire" }]} />
      <p>{wish === "exercise"
        ? `All ${many} are exercised: a call buys and a put sells the shares at the strike, with the account's cash or shares. What time value is left is lost; closing it is often worth more.`
        : `${many} expire at their end even where they are in the money: what they are worth then is given up.`}</p>
      <p className="text-dim">Brokers exercise all that the account holds of it, and it cannot be taken back once they have.</p>
    </Confirm>
  );
}
