/** What an underlying's shares and options move by together. */
import { grouped } from "@/money/amount";
import type { Underlying } from "@/positions/underlyings";
import { Pnl } from "@/ui/figures";
import { Figure } from "@/ui/panel";

export function NetGreeks({ of }: { of: Underlying }) {
  const rounded = (amount: string | null) => grouped(amount, { least: 2, most: 2 });
  return (
    <dl aria-label={`Together in ${of.name}`} className="grid grid-cols-2 gap-3 border-b border-line px-4 py-3 sm:grid-cols-5">
      <Figure name="Open result" hint={of.open === null ? "a mark is missing" : undefined}><Pnl amount={of.open} /></Figure>
      <Figure name="Net delta, shares">{rounded(of.delta)}</Figure>
      <Figure name="Net gamma, shares per $">{rounded(of.gamma)}</Figure>
      <Figure name="Net theta, $ a day">{rounded(of.theta)}</Figure>
      <Figure name="Net vega, $ a point">{rounded(of.vega)}</Figure>
    </dl>
  );
}
