/** All strategies: what each does now, what it has won, what it decided last and why. */
import { lazy, Suspense, useMemo, useState } from "react";
import { useNavigate } from "react-router";
import { Plus } from "lucide-react";
import { useAccounts } from "@/session/accounts";
import { useSession } from "@/session/context";
import { Button } from "@/ui/button";
import { Dialog } from "@/ui/dialog";
import { Input, Segments, Select } from "@/ui/form";
import { Page } from "@/ui/panel";
import { Empty, Loading } from "@/ui/states";
import { useKindTitle } from "@/strategies/data";
import { shown, type Order, type Wanted } from "@/strategies/listing";
import { StrategyCard } from "./strategy_card";
import { useListed } from "@/strategies/use_listed";

const NewStrategy = lazy(async () => ({ default: (await import("./new_strategy")).NewStrategy }));

const STATES: readonly { value: Wanted["states"]; label: string }[] = [
  { value: "all", label: "All" },
  { value: "running", label: "Running" },
  { value: "stopped", label: "Stopped" },
  { value: "draft", label: "Drafts" },
];

export function Strategies() {
  const { cards, loaded } = useListed();
  const { selected } = useAccounts();
  const { claims } = useSession();
  const navigate = useNavigate();
  const titleOf = useKindTitle();
  const [making, setMaking] = useState(false);
  const [wanted, setWanted] = useState<Omit<Wanted, "account">>({ text: "", states: "all", kind: "" });
  const [order, setOrder] = useState<Order>("name");
  const kinds = useMemo(() => [...new Set(cards.map(({ kind }) => kind))].sort(), [cards]);
  const list = useMemo(() => shown(cards, { ...wanted, account: selected?.id ?? null }, order), [cards, wanted, selected, order]);
  const mayAct = claims.desk_role !== "viewer";
  const create = mayAct && <Button look="main" onClick={() => setMaking(true)}><Plus aria-hidden className="size-4" /> New strategy</Button>;
  return (
    <Page title="Strategies" about={loaded ? `${cards.filter(({ state }) => state === "active" || state === "paused").length} of ${cards.length} running` : undefined} actions={create}>
      <div className="flex flex-wrap items-center gap-2">
        <Input type="search" aria-label="Find a strategy" placeholder="Name, kind or symbol" className="max-w-60" value={wanted.text} onChange={(event) => setWanted({ ...wanted, text: event.target.value })} />
        <Segments label="State" value={wanted.states} options={STATES} onChange={(states) => setWanted({ ...wanted, states })} />
        <Select aria-label="Kind" className="max-w-52" value={wanted.kind} onChange={(event) => setWanted({ ...wanted, kind: event.target.value })}>
          <option value="">Every kind</option>
          {kinds.map((kind) => <option key={kind} value={kind}>{titleOf(kind)}</option>)}
        </Select>
        <Select aria-label="Order" className="max-w-52 sm:ml-auto" value={order} onChange={(event) => setOrder(event.target.value as Order)}>
          <option value="name">By name</option>
          <option value="session">Best session first</option>
          <option value="result">Best result first</option>
          <option value="changed">Changed last first</option>
        </Select>
      </div>
      {!loaded ? <Loading rows={6} what="Loading the strategies" /> : list.length === 0 ? (
        <Empty action={cards.length === 0 ? create : undefined}>
          {cards.length === 0
            ? "No strategy yet. A strategy looks at completed bars and says what it wants; the platform judges it by your limits and trades. Begin with a paper account."
            : "No strategy fits. Change what is filtered, or the account at the top."}
        </Empty>
      ) : (
        <ul className="grid grid-cols-1 gap-4 md:grid-cols-2 2xl:grid-cols-3" aria-label="Strategies">
          {list.map((card) => <li key={card.id} className="min-w-0"><StrategyCard card={card} title={titleOf(card.kind)} /></li>)}
        </ul>
      )}
      <Dialog open={making} onOpenChange={setMaking} title="New strategy" about="It is written as a draft and checked at once. It decides nothing before you start it." wide>
        <Suspense fallback={<Loading rows={6} />}>
          <NewStrategy
            onDone={(id) => {
              setMaking(false);
              void navigate(`/strategies/${id}`);
            }}
          />
        </Suspense>
      </Dialog>
    </Page>
  );
}
