"""A vertical spread sold for a credit."""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal
from typing import Literal

from pydantic import Field

from functions.core.money import Amount
from functions.strategy.interface import Intent, Moment, examples
from functions.strategy.options.config import ExitDays, SpreadConfig
from functions.strategy.options.held import assigned, days_left, is_whole, open_options, package
from functions.strategy.options.leaving import by_premium, leave, left_over
from functions.strategy.options.selling import by_delta, sell_spreads, spread
from functions.strategy.options.session import require_open, require_window
from functions.strategy.options.strategy import OptionStrategy


class CreditSpread(OptionStrategy):
    """Sells an option by delta and buys the one `width` further out of the money; of puts, or of calls.

    Source: the vertical credit spread of S. Natenberg, "Option Volatility and Pricing"; 45 days, out at half the credit
    or at 21 days, and a least credit as a share of the width are the conventions of tastytrade's research. It can lose
    no more than the width less the credit. Of a package that is not whole any more, because a leg was assigned or
    closed elsewhere, the rest is closed: shares first, then the options. What was bought and nobody bids for cannot be
    sold: it is kept until it expires, and counts as no open package. One package at a time, entered in the entry
    window only.
    """

    kind = "credit_spread"
    title = "Credit spread"

    class Config(SpreadConfig, ExitDays):
        model_config = examples(
            {"timeframe": "5Min", "right": "put", "delta": "0.30", "width": "5", "least_credit_share": "0.25"},
            {
                "timeframe": "15Min",
                "right": "call",
                "delta": "0.20",
                "width": "10",
                "days_from": 5,
                "days": 7,
                "days_to": 10,
                "exit_days": 1,
                "least_credit_share": "0.15",
            },
        )

        right: Literal["put", "call"] = Field("put", description="Puts, below the price, or calls, above it")
        delta: Amount = Field(Decimal("0.3"), gt=0, lt=1, description="Delta of the option to sell, its size")

    config: Config

    def on_bar(self, now: Moment) -> Iterable[Intent]:
        require_open(now)
        if shares := assigned(now):
            return [shares]
        held = open_options(now)
        if whole := package(held):
            if not is_whole(whole, [self.config.right]):
                return [leave(now, whole, "the spread is not whole any more: closing what is left")]
            left = days_left(now, whole)
            if left <= self.config.exit_days:
                return [leave(now, whole, f"the spread expires in {left} days")]
            return [by_premium(now, whole, self.config.profit_share, self.config.stop_multiple)]
        if rest := left_over(now, held):
            return [rest]
        require_window(now, self.config)
        short = by_delta(now, held, self.config, self.config.right, self.config.delta)
        return [sell_spreads(now, self.config, [spread(now.chain, self.config, short)])]
