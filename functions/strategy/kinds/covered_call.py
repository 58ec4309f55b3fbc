"""Shares, and calls sold against them."""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal
from typing import Literal

from pydantic import Field

from functions.core.money import text
from functions.strategy.interface import Intent, Moment, Open, examples
from functions.strategy.options.config import ExitDays
from functions.strategy.options.covering import CoveringConfig, sell_calls, uncovered
from functions.strategy.options.held import SHARES, days_left, open_options, sold
from functions.strategy.options.leaving import by_premium, leave, left_over
from functions.strategy.options.session import require_open
from functions.strategy.options.strategy import OptionStrategy


class CoveredCall(OptionStrategy):
    """Holds 100 shares a contract and sells a call against them; buys what is missing of the shares first.

    Source: the Cboe S&P 500 BuyWrite index (R. Whaley, "Return and Risk of CBOE Buy Write Monthly Index", Journal of
    Derivatives, 2002) holds the index and sells one call a month, at the money, until it expires. Here the strike goes
    by delta, further out of the money, and the call may be left sooner. It rolls in two steps: the call is bought back
    at its profit target or `exit_days` before expiry, and the next bar sells another. With `near_expiry` hold it is
    left alone, expires or is assigned; then the shares are bought anew. It never sells more calls than shares cover,
    adds none while one is open, and buys calls back that shares do not cover any more.
    """

    kind = "covered_call"
    title = "Covered call"

    class Config(CoveringConfig, ExitDays):
        model_config = examples(
            {"timeframe": "5Min", "call_delta": "0.30", "days_from": 25, "days": 35, "days_to": 50, "exit_days": 7},
            # As the BuyWrite index: a month, at the money, held to the end.
            {
                "timeframe": "15Min",
                "call_delta": "0.50",
                "days_from": 20,
                "days": 30,
                "days_to": 40,
                "exit_days": 0,
                "profit_share": "1",
                "near_expiry": "hold",
            },
        )

        near_expiry: Literal["close", "hold"] = Field(
            "close", description="At exit_days: buy the call back, or hold it, and let the shares be called away"
        )

    config: Config

    def on_bar(self, now: Moment) -> Iterable[Intent]:
        require_open(now)
        held = open_options(now)
        if calls := sold(held):
            if naked := uncovered(now, held):
                return [naked]
            left = days_left(now, calls)
            if self.config.near_expiry == "close" and left <= self.config.exit_days:
                return [leave(now, calls, f"the call expires in {left} days")]
            return [by_premium(now, calls, self.config.profit_share)]
        if rest := left_over(now, held):
            return [rest]
        missing = self.config.contracts * SHARES - now.position.quantity
        if missing > 0:
            words = f"{text(missing)} shares are missing of {text(self.config.contracts * SHARES)}: buying them"
            return [Open(side="buy", quantity=Decimal(missing), reason=words)]
        return [sell_calls(now, held, self.config)]
