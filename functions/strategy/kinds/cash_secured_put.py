"""Puts sold against cash."""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal

from pydantic import Field

from functions.core.money import Amount
from functions.strategy.interface import Intent, Moment, examples
from functions.strategy.options.config import ExitDays, SoldPrice, StopAndWindow
from functions.strategy.options.held import assigned, days_left, open_options, sold
from functions.strategy.options.leaving import by_premium, leave, left_over
from functions.strategy.options.selling import by_delta, sell_one
from functions.strategy.options.session import require_open, require_window
from functions.strategy.options.strategy import OptionStrategy


class CashSecuredPut(OptionStrategy):
    """Sells a put out of the money; leaves at its profit target, at its stop, or some days before expiry.

    Source: the Cboe S&P 500 PutWrite index (PUT; its methodology follows R. Whaley's of the BuyWrite index, 2002) sells
    one put a month against cash; strike by delta, 45 days, out at half the credit or at 21 days are the conventions of
    tastytrade's research. That the cash is there is for risk to say: the strategy does not see the account. Shares that
    are assigned to it are sold; `wheel` keeps them. One position at a time, entered in the entry window only.
    """

    kind = "cash_secured_put"
    title = "Cash-secured put"

    class Config(SoldPrice, StopAndWindow, ExitDays):
        model_config = examples(
            {"timeframe": "5Min", "put_delta": "0.30", "days_from": 30, "days": 45, "days_to": 60, "exit_days": 21},
            {"timeframe": "15Min", "put_delta": "0.16", "days_from": 5, "days": 7, "days_to": 10, "exit_days": 1},
        )

        put_delta: Amount = Field(Decimal("0.3"), gt=0, lt=1, description="Delta of the put to sell, its size")

    config: Config

    def on_bar(self, now: Moment) -> Iterable[Intent]:
        require_open(now)
        if shares := assigned(now):
            return [shares]
        held = open_options(now)
        if puts := sold(held):
            left = days_left(now, puts)
            if left <= self.config.exit_days:
                return [leave(now, puts, f"the put expires in {left} days")]
            return [by_premium(now, puts, self.config.profit_share, self.config.stop_multiple)]
        if rest := left_over(now, held):
            return [rest]
        require_window(now, self.config)
        put = by_delta(now, held, self.config, "put", self.config.put_delta)
        return [sell_one(now, self.config, put, Decimal(self.config.contracts))]
