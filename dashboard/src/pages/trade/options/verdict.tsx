/** What risk would say to the legs, and what they take of the buying power. */
import clsx from "clsx";
import Big from "big.js";
import { z } from "zod";
import { sentence } from "@/api/problem";
import type { OrderPreview } from "@/api/schema";
import { dollars, plain } from "@/money/amount";
import { Chip, Numbers, Time } from "@/ui/figures";
import type { Previewed } from "./use_preview";

const VERDICTS = {
  allow: { tone: "good", text: "Would be sent" },
  reduce: { tone: "warn", text: "Would be sent, smaller" },
  deny: { tone: "bad", text: "Would be refused" },
  wait: { tone: "warn", text: "Would wait for a fresh quote" },
} as const;
const Power = z.object({ takes: z.string(), left: z.string() });

/** As the rule of that name has reckoned it; null where it was not asked or did not know. */
function powerOf(preview: OrderPreview) {
  const read = Power.safeParse(preview.rules.find(({ rule }) => rule === "buying_power")?.numbers);
  return read.success ? { takes: read.data.takes, after: plain(new Big(read.data.left).minus(read.data.takes)) } : null;
}

/** Its height is kept, so that the builder stands still. */
export function Verdict({ preview, asked }: { preview: Previewed; asked: boolean }) {
  const { data, error, old } = preview;
  return (
    <section aria-label="Risk" aria-busy={old} className={clsx("min-h-28 rounded-md border border-line bg-ground p-3 text-sm", old && "opacity-60")}>
      {!asked && <p className="text-dim">Risk&apos;s verdict is shown here once the order is whole.</p>}
      {asked && !data && error && <p role="alert" className="text-danger">{sentence(error)}</p>}
      {asked && !data && !error && <p role="status" className="text-dim">Asking risk…</p>}
      {asked && data && <Told preview={data} />}
    </section>
  );
}

function Told({ preview }: { preview: OrderPreview }) {
  const { tone, text } = VERDICTS[preview.verdict];
  const power = powerOf(preview);
  const against = preview.rules.filter(({ verdict }) => verdict !== "allow");
  return (
    <div className="flex flex-col gap-2">
      <div className="flex items-center gap-2"><Chip tone={tone}>{text}</Chip><span className="ml-auto text-xs text-dim">judged <Time at={preview.at} /></span></div>
      {preview.verdict !== "allow" && preview.text !== "" && <p className={preview.verdict === "deny" ? "text-danger" : "text-warn"}>{preview.text}{preview.do !== "" && ` ${preview.do}`}</p>}
      <dl className="grid grid-cols-[1fr_auto] gap-x-3 tabular-nums">
        <dt className="text-dim">Takes of buying power</dt><dd className="text-right">{dollars(power?.takes)}</dd>
        <dt className="text-dim">Buying power after</dt><dd className="text-right">{dollars(power?.after)}</dd>
      </dl>
      {against.map(({ rule, numbers }) => <p key={rule} className="text-xs break-words"><span className="font-medium">{rule.replaceAll("_", " ")}</span> <span className="text-dim"><Numbers of={numbers} /></span></p>)}
      <p className="text-xs text-dim">{preview.rules.length - against.length} rules let it pass.</p>
    </div>
  );
}
