"""The gate on many bars at once: a file, a backfill. Whatever their order, the same rows give the same bars."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from datetime import datetime
from decimal import Decimal

from functions.core.errors import BadInput
from functions.core.events import BarData
from functions.core.history.adjusting import CorporateAction
from functions.core.market_calendar import Calendar
from functions.ingest.quality.bars import BarGate, Judged
from functions.ingest.quality.findings import Finding, Unread


def clean(
    rows: Iterable[BarData | Unread],
    calendar: Calendar,
    *,
    actions: Sequence[CorporateAction] = (),
    known: Sequence[BarData] = (),
) -> Judged:
    """The minute bars of one symbol that are good, in order, and every finding. `known` are those stored before them.

    Where a minute comes more than once, the prices that most rows agree on count, and of these the row with the largest
    volume, because one that was written before the minute was over has less. `calendar` has to reach over all
    rows: what it does not know is no session. Raises BadInput MIXED_SYMBOLS.
    """
    judged = Judged()
    told: dict[datetime, list[BarData]] = {}
    newest: datetime | None = None
    symbols: set[str] = set()
    for row in rows:
        symbols.update({row.symbol} - {""})
        if isinstance(row, Unread):
            judged.findings.append(row.finding)
            continue
        if newest is not None and row.starts_at < newest:
            text = f"{row.starts_at.isoformat()} after {newest.isoformat()}"
            judged.findings.append(Finding(row.symbol, row.feed, "disorder", row.starts_at, text))
        newest = row.starts_at if newest is None else max(newest, row.starts_at)
        told.setdefault(row.starts_at, []).append(row)
    if len(symbols) > 1:
        raise BadInput("MIXED_SYMBOLS", f"expected the bars of one symbol, was {', '.join(sorted(symbols))}")
    gate = BarGate(calendar, actions, known)
    for starts_at in sorted(told):
        bar, repeats = _agreed(told[starts_at])
        judged.findings.extend(repeats)
        step = gate.take(bar)
        judged.bars.extend(step.bars)
        judged.findings.extend(step.findings)
    judged.findings.extend(gate.end())
    return judged


def _agreed(rows: Sequence[BarData]) -> tuple[BarData, list[Finding]]:
    """The row that counts for a minute, and a finding for each that does not."""
    if len(rows) == 1:
        return rows[0], []
    votes = Counter(map(_prices, rows))
    chosen = max(rows, key=lambda row: (votes[_prices(row)], row.volume, _prices(row)))
    others = [row for row in rows if (_prices(row), row.volume) != (_prices(chosen), chosen.volume)]
    at, symbol, feed = chosen.starts_at, chosen.symbol, chosen.feed
    found = [
        Finding(symbol, feed, "duplicate", at, "told again with other numbers: what most rows say counts")
        for _ in others
    ]
    again = len(rows) - len(others) - 1
    if again:
        found.append(Finding(symbol, feed, "duplicate", at, "told again", again))
    return chosen, found


def _prices(row: BarData) -> tuple[Decimal, ...]:
    return (row.open, row.high, row.low, row.close)
