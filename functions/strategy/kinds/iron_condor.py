"""A put spread and a call spread sold together, on the day of expiry or in its week."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import timedelta
from decimal import Decimal

from pydantic import Field, ValidationInfo, field_validator

from functions.core.market_calendar import exchange_date
from functions.core.money import Amount
from functions.strategy.bars import TIMEFRAME_LENGTHS
from functions.strategy.holding import Holdings
from functions.strategy.interface import Intent, Moment, NoTrade, examples
from functions.strategy.options.config import SpreadConfig
from functions.strategy.options.held import assigned, days_left, is_whole, open_options, package
from functions.strategy.options.leaving import by_premium, leave, left_over
from functions.strategy.options.selling import by_delta, sell_spreads, spread
from functions.strategy.options.session import minutes, require_open, require_window
from functions.strategy.options.strategy import OptionStrategy


class IronCondor(OptionStrategy):
    """Sells a put and a call by delta and buys the ones `width` further out; by default on their last day (0DTE).

    Source: S. Natenberg, "Option Volatility and Pricing"; profit target and stop as multiples of the credit are the
    conventions of tastytrade's research. One of the two spreads at most can be lost: no more than the width less the
    credit. It leaves at the profit target, at the stop, or `exit_minutes_before_close` on its last day, by the close of
    that session, half days included. At most one is open. Entries are made in the entry window only, by default on a
    single bar, so that a session that was stopped has no second entry: nothing has to be remembered. More `entry_bars`
    allow one within them. Of a package that is not whole any more the rest is closed, as by `credit_spread`.
    """

    kind = "iron_condor"
    title = "Iron condor"

    class Config(SpreadConfig):
        model_config = examples(
            {"delta": "0.15", "width": "5", "enter_minutes_after_open": 30, "exit_minutes_before_close": 15},
            {"timeframe": "5Min", "delta": "0.16", "width": "10", "days_from": 4, "days": 7, "days_to": 10},
        )

        days_from: int = Field(0, strict=True, ge=0, le=365, description="Soonest expiry to sell, calendar days away")
        days: int = Field(
            0, strict=True, ge=0, le=365, description="Wanted expiry, calendar days away: the nearest is taken"
        )
        days_to: int = Field(0, strict=True, ge=0, le=365, description="Latest expiry to sell, calendar days away")
        delta_within: Amount = Field(
            Decimal("0.05"),
            gt=0,
            lt=1,
            description="No entry where no contract's delta is as near as this to the wanted",
        )
        chain_width: Amount = Field(
            Decimal("0.1"), gt=0, le=1, description="Strikes looked at: this far around the price, as a fraction of it"
        )
        delta: Amount = Field(
            Decimal("0.15"), gt=0, lt=Decimal("0.5"), description="Delta of the put and of the call to sell, its size"
        )
        exit_minutes_before_close: int = Field(
            15, strict=True, ge=1, le=389, description="On the last day, leave so long before the close; at least a bar"
        )

        @field_validator("exit_minutes_before_close")
        @classmethod
        def _a_bar_ends_before_the_close(cls, exit_minutes: int, info: ValidationInfo) -> int:
            timeframe = info.data.get("timeframe")
            if timeframe is not None and timedelta(minutes=exit_minutes) < TIMEFRAME_LENGTHS[timeframe]:
                raise ValueError(f"must be at least a bar of {timeframe}: none would end between then and the close")
            return exit_minutes

    config: Config

    def on_bar(self, now: Moment) -> Iterable[Intent]:
        require_open(now)
        if shares := assigned(now):
            return [shares]
        held = open_options(now)
        if whole := package(held):
            return [self._managed(now, whole)]
        if rest := left_over(now, held):
            return [rest]
        require_window(now, self.config)
        return [self._entry(now, held)]

    def _managed(self, now: Moment, whole: Holdings) -> Intent:
        if not is_whole(whole, ["put", "call"]):
            return leave(now, whole, "the condor is not whole any more: closing what is left")
        if days_left(now, whole) == 0 and self._is_late(now):
            return leave(now, whole, f"it expires today and the close is {minutes(now.until_close)} minutes away")
        return by_premium(now, whole, self.config.profit_share, self.config.stop_multiple)

    def _entry(self, now: Moment, held: Holdings) -> Intent:
        put = by_delta(now, held, self.config, "put", self.config.delta)
        call = by_delta(now, held, self.config, "call", self.config.delta)
        if put.expiry == exchange_date(now.event_time) and self._is_late(now):
            raise NoTrade(
                f"no entry: the close is {minutes(now.until_close)} minutes away, and it would be left at once"
            )
        if put.strike >= call.strike:
            raise NoTrade(f"the put of {put.strike} is not below the call of {call.strike}")
        sides = [spread(now.chain, self.config, short) for short in (put, call)]
        return sell_spreads(now, self.config, sides)

    def _is_late(self, now: Moment) -> bool:
        return now.until_close <= timedelta(minutes=self.config.exit_minutes_before_close)
