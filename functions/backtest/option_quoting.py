"""What a market maker of the simulated exchange quotes around a model's value."""

from __future__ import annotations

from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal

from functions.core.instruments import TickTable


def quoted(price: float, ticks: TickTable, *, least_spread: int = 2, share: float = 0.01) -> tuple[Decimal, Decimal]:
    """Bid and ask around a model value, on the tick: `share` of the value apart, at least `least_spread` ticks.

    The bid is never below one tick: what is worth nothing can still be given away for it.
    """
    exact = Decimal(f"{price:.6f}")
    tick = ticks.at(exact)
    half = max(exact * Decimal(str(share)), tick * least_spread) / 2
    bid = max(_stepped(exact - half, tick, ROUND_FLOOR), tick)
    ask = max(_stepped(exact + half, ticks.at(exact + half), ROUND_CEILING), bid + ticks.at(bid))
    return bid, _stepped(ask, ticks.at(ask), ROUND_CEILING)


def _stepped(price: Decimal, tick: Decimal, rounding: str) -> Decimal:
    return (price / tick).to_integral_value(rounding=rounding) * tick
