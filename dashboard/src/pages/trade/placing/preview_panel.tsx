/** What would become of the order: the verdict, what it costs, and each rule with the numbers it saw. */
import type { ReactNode } from "react";
import clsx from "clsx";
import Big from "big.js";
import { Check, Minus, X } from "lucide-react";
import { sentence } from "@/api/problem";
import type { NewOrder, OrderPreview, RuleVerdict } from "@/api/schema";
import { useRows } from "@/live/hooks";
import { dollars, grouped, MISSING, plain, price, type Amount } from "@/money/amount";
import { Refusal, RuleSaid } from "@/orders/refusal";
import { counted, type Unit } from "@/orders/units";
import { Chip, Time } from "@/ui/figures";
import { buyingPower } from "./buying_power";
import { feesBefore } from "./fees";
import type { Preview } from "./use_preview";

const VERDICTS: Record<OrderPreview["verdict"], { tone: "good" | "warn" | "bad"; text: string }> = {
  allow: { tone: "good", text: "Would be sent" },
  reduce: { tone: "warn", text: "Would be sent, smaller" },
  deny: { tone: "bad", text: "Would be refused" },
  wait: { tone: "warn", text: "Would wait for a quote" },
};

interface Props {
  preview: Preview;
  order: NewOrder | null;
  unit: Unit;
  /** How many shares one of what is ordered stands for; null where that is not known. */
  multiplier: Amount | null;
}

/** Its height is kept, so that the page stands still while one types. */
export function PreviewPanel({ preview, order, unit, multiplier }: Props) {
  return (
    <section aria-label="Preview" aria-busy={preview.old} className="min-h-56 rounded-md border border-line bg-ground p-3 text-sm">
      {order === null && <p className="text-dim">What would become of the order is shown here once it is whole, before it is sent.</p>}
      {order !== null && preview.error !== null && preview.data === undefined && <p role="alert" className="text-danger">{sentence(preview.error)}</p>}
      {order !== null && preview.error === null && preview.data === undefined && <p role="status" className="text-dim">Asking risk…</p>}
      {order !== null && preview.data !== undefined && (
        <div className={clsx("flex flex-col gap-2.5 transition-opacity", preview.old && "opacity-60")}>
          <Told preview={preview.data} order={order} unit={unit} multiplier={multiplier} />
        </div>
      )}
    </section>
  );
}

function Told({ preview, order, unit, multiplier }: { preview: OrderPreview; order: NewOrder; unit: Unit; multiplier: Amount | null }) {
  const { tone, text } = VERDICTS[preview.verdict];
  const power = buyingPower(preview);
  const mark = order.symbol === undefined ? undefined : preview.marks[order.symbol];
  const fees = feesBefore(useRows("fills").rows, order.broker_account_id, unit === "shares" ? "shares" : "contracts");
  const against = preview.rules.filter(({ verdict }) => verdict !== "allow");
  const passed = preview.rules.filter(({ verdict }) => verdict === "allow");
  return (
    <>
      <div className="flex flex-wrap items-center gap-2">
        <Chip tone={tone}>{text}</Chip>
        <span className="ml-auto text-xs text-dim">judged <Time at={preview.at} /></span>
      </div>
      {preview.verdict === "reduce" && <p>{grouped(preview.quantity)} of {counted(grouped(preview.ordered), unit)} would be sent.</p>}
      {preview.verdict !== "allow" && preview.text !== "" && (
        <p role="status" className={preview.verdict === "deny" ? "text-danger" : "text-warn"}><Refusal text={preview.text} todo={preview.do} /></p>
      )}
      <dl className="grid grid-cols-[1fr_auto] gap-x-3 gap-y-0.5 tabular-nums">
        {/* Several legs have no mark of their own. */}
        {order.symbol !== undefined && <Line name="Mark">{mark === undefined ? MISSING : `$${price(mark.price)}`}</Line>}
        {order.symbol !== undefined && <Line name="Worth at the mark">{dollars(worth(order, mark?.price, multiplier))}</Line>}
        <Line name="Takes of buying power">{dollars(power?.takes)}</Line>
        <Line name="Buying power after" className={clsx(power !== null && new Big(power.after).lt(0) && "font-semibold text-danger")}>{dollars(power?.after)}</Line>
        <Line name="Fees">{fees === null ? "told with the fill" : `$${grouped(fees, { least: 2, most: 4 })} a ${unit === "shares" ? "share" : "contract"} lately`}</Line>
      </dl>
      {against.length > 0 && <ul aria-label="Rules against it" className="flex flex-col gap-1">{against.map((rule) => <Rule key={rule.rule} rule={rule} />)}</ul>}
      {passed.length > 0 && (
        <details>
          <summary className="text-xs text-dim hover:text-ink">{passed.length} {passed.length === 1 ? "rule passes" : "rules pass"}</summary>
          <ul aria-label="Rules passed" className="mt-1.5 flex max-h-64 flex-col gap-1 overflow-y-auto" tabIndex={0}>{passed.map((rule) => <Rule key={rule.rule} rule={rule} />)}</ul>
        </details>
      )}
    </>
  );
}

function Line({ name, className, children }: { name: string; className?: string; children: ReactNode }) {
  return (
    <>
      <dt className="text-dim">{name}</dt>
      <dd className={clsx("text-right", className)}>{children}</dd>
    </>
  );
}

function worth(order: NewOrder, mark: Amount | undefined, multiplier: Amount | null): Amount | undefined {
  if (order.quantity == null) return order.notional;
  return mark === undefined || multiplier === null ? undefined : plain(new Big(mark).times(order.quantity).times(multiplier));
}

function Rule({ rule }: { rule: RuleVerdict }) {
  const { verdict } = rule;
  const Icon = verdict === "allow" ? Check : verdict === "deny" ? X : Minus;
  return (
    <li className="flex min-w-0 gap-1.5 text-xs">
      <Icon aria-label={verdict} className={clsx("mt-0.5 size-3.5 shrink-0", verdict === "allow" ? "text-gain" : verdict === "deny" ? "text-danger" : "text-warn")} />
      <span className="min-w-0 break-words"><span className="font-medium">{rule.rule.replaceAll("_", " ").toLowerCase()}</span> <RuleSaid of={rule} /></span>
    </li>
  );
}
