"""From the ledger's rows on orders to the facts that the rules look at."""

from __future__ import annotations

from collections import defaultdict
from datetime import datetime, timedelta
from decimal import Decimal
from typing import cast

from functions.core.ledger.book_orders import BookOrders, BookResting, BookStrikes
from functions.risk.book import Side
from functions.risk.facts.orders import OrderFacts, OtherSide, RestingOrder, StrikeRange, SymbolsOpen
from functions.risk.limits import Scope

_MICROSECOND = timedelta(microseconds=1)


def order_facts(found: BookOrders, event_time: datetime) -> OrderFacts:
    """The facts as of the order's event time; what was reckoned for a comparison is reckoned here."""
    entries: dict[Scope, dict[str, Decimal]] = defaultdict(dict)
    for made in found.entries:
        entries[cast("Scope", made.scope)][made.symbol] = Decimal(made.entries)
    return OrderFacts(
        since_equal=None if found.equal_at is None else _seconds(event_time - found.equal_at),
        other_side=None if found.resting is None else _other_side(found.resting),
        symbols_open={
            cast("Scope", scope): SymbolsOpen(Decimal(row.open + row.added), Decimal(row.added))
            for scope, row in found.symbols_open.items()
        },
        placed={(cast("Scope", row.scope), row.within_seconds): Decimal(row.placed) for row in found.placed},
        entries=entries,
        packages=None if found.packages is None else _packages(found.packages),
        day_trades=None if found.day_trades is None else Decimal(found.day_trades),
        equity=found.equity,
    )


def _other_side(rows: list[BookResting]) -> dict[str, OtherSide]:
    by_symbol: dict[str, list[BookResting]] = defaultdict(list)
    for row in rows:
        by_symbol[row.symbol].append(row)
    return {
        symbol: OtherSide.of(
            cast("Side", found[0].side),
            (RestingOrder(row.trade_id, row.order_type, row.price, row.stop_price) for row in found),
        )
        for symbol, found in by_symbol.items()
    }


def _packages(rows: list[BookStrikes]) -> dict[str, tuple[StrikeRange, ...]]:
    by_series: dict[str, list[StrikeRange]] = defaultdict(list)
    for row in rows:
        by_series[row.series].append(StrikeRange(row.package, row.low, row.high, row.own))
    return {series: tuple(ranges) for series, ranges in by_series.items()}


def _seconds(passed: timedelta) -> Decimal:
    return Decimal(passed // _MICROSECOND).scaleb(-6)
