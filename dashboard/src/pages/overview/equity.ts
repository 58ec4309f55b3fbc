/** The equity of the shown accounts over time, from what the broker said; deposits and withdrawals are no profit. */

export interface Snapshot {
  broker_account_id: string;
  /** UTC. */
  as_of: string;
  /** Dollars as text; float from here on, for pixels and percent alone. */
  equity: string;
}

export interface Curve {
  /** Milliseconds since 1970, rising. */
  times: number[];
  /** Dollars. */
  equity: number[];
  /** Dollars below the best so far; 0 or less. */
  drawdown: number[];
}

/**
 * The sum over accounts at every moment at which one of them was told; it begins when all of them have been, since a sum
 * of some would be passed off as the whole.
 */
export function curveOf(snapshots: readonly Snapshot[], accounts: readonly string[]): Curve {
  const last = new Map<string, number>();
  const curve: Curve = { times: [], equity: [], drawdown: [] };
  let best = Number.NEGATIVE_INFINITY;
  for (const { broker_account_id, as_of, equity } of snapshots.toSorted((a, b) => (a.as_of < b.as_of ? -1 : 1))) {
    if (!accounts.includes(broker_account_id)) continue;
    last.set(broker_account_id, Number(equity));
    if (last.size < accounts.length) continue;
    const at = Date.parse(as_of);
    const sum = [...last.values()].reduce((a, b) => a + b, 0);
    best = Math.max(best, sum);
    if (curve.times.at(-1) === at) {
      curve.times.pop();
      curve.equity.pop();
      curve.drawdown.pop();
    }
    curve.times.push(at);
    curve.equity.push(sum);
    curve.drawdown.push(sum - best);
  }
  return curve;
}
