"""Puts until the shares come, calls until they go."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from decimal import Decimal

from pydantic import Field

from functions.core.money import Amount, text
from functions.strategy.holding import Holdings
from functions.strategy.interface import Close, Intent, Moment, NoTrade, Stay, examples
from functions.strategy.options.covering import CoveringConfig, lots, sell_calls, uncovered
from functions.strategy.options.held import open_options, sold
from functions.strategy.options.leaving import by_premium, left_over
from functions.strategy.options.selling import by_delta, sell_one
from functions.strategy.options.session import require_open
from functions.strategy.options.strategy import OptionStrategy


class Wheel(OptionStrategy):
    """Sells a cash-secured put until it is assigned, then covered calls until the shares are called away, and again.

    Source: a practice of traders, "the wheel"; its halves are the Cboe PutWrite and BuyWrite indices (R. Whaley, 2002).
    Which half it is in is read from what is held, nothing is remembered: whole lots of 100 shares have calls sold
    against them, the contracts that are left have puts. So after a partial assignment both are open at once. Options
    are bought back at their profit target and otherwise held to the end: assignment is the point. There is no stop.
    """

    kind = "wheel"
    title = "Wheel"

    class Config(CoveringConfig):
        model_config = examples(
            {"timeframe": "5Min", "put_delta": "0.30", "call_delta": "0.30", "not_below_cost": True},
            {"timeframe": "15Min", "put_delta": "0.20", "call_delta": "0.25", "days_from": 5, "days": 7, "days_to": 10},
        )

        put_delta: Amount = Field(Decimal("0.3"), gt=0, lt=1, description="Delta of the put to sell, its size")

    config: Config

    def on_bar(self, now: Moment) -> Iterable[Intent]:
        require_open(now)
        if now.position.quantity < 0:
            return [Close(reason=f"{text(now.position.quantity)} shares are short: a call was assigned without cover")]
        held = open_options(now)
        if naked := uncovered(now, held):
            return [naked]
        reasons: list[str] = []
        for part in (self._leftover, self._calls, self._puts):
            # What hinders one half, a missing price for one, does not hinder the other.
            if (intent := _tried(part, now, held, reasons)) is not None:
                return [intent]
        return [Stay("; ".join(reasons))]

    def _leftover(self, now: Moment, held: Holdings) -> Intent | None:
        return None if sold(held) else left_over(now, held)

    def _calls(self, now: Moment, held: Holdings) -> Intent | None:
        if calls := sold(held, "call"):
            return by_premium(now, calls, self.config.profit_share)
        return sell_calls(now, held, self.config) if lots(now) else None

    def _puts(self, now: Moment, held: Holdings) -> Intent | None:
        if puts := sold(held, "put"):
            return by_premium(now, puts, self.config.profit_share)
        wanted = self.config.contracts - lots(now)
        if wanted <= 0:
            return None
        put = by_delta(now, puts, self.config, "put", self.config.put_delta)
        return sell_one(now, self.config, put, Decimal(wanted))


def _tried(
    part: Callable[[Moment, Holdings], Intent | None], now: Moment, held: Holdings, reasons: list[str]
) -> Intent | None:
    """What this part wants to trade; None where it stays, with its reason added."""
    try:
        intent = part(now, held)
    except NoTrade as nothing:
        reasons.append(str(nothing))
        return None
    if isinstance(intent, Stay):
        reasons.append(intent.reason)
        return None
    return intent
