"""What the strategies in options can be told; the defaults are tastytrade's conventions: 45 days, out at 21, half."""

from __future__ import annotations

from decimal import Decimal

from pydantic import Field, ValidationInfo, field_validator

from functions.core.money import Amount
from functions.strategy.interface import StrategyConfig


class OptionConfig(StrategyConfig):
    """What all of them have."""

    contracts: int = Field(1, strict=True, ge=1, le=1000, description="Contracts, or packages, per entry")
    days_from: int = Field(30, strict=True, ge=0, le=365, description="Soonest expiry to sell, calendar days away")
    days: int = Field(
        45, strict=True, ge=0, le=365, description="Wanted expiry, calendar days away: the nearest is taken"
    )
    days_to: int = Field(60, strict=True, ge=0, le=365, description="Latest expiry to sell, calendar days away")
    delta_within: Amount = Field(
        Decimal("0.1"), gt=0, lt=1, description="No entry where no contract's delta is as near as this to the wanted"
    )
    chain_width: Amount = Field(
        Decimal("0.25"), gt=0, le=1, description="Strikes looked at: this far around the price, as a fraction of it"
    )
    yielding: Amount = Field(
        Decimal("0.5"),
        ge=0,
        le=1,
        description="Entry price, from the middle of bid and ask (0) to what trades at once (1)",
    )
    profit_share: Amount = Field(
        Decimal("0.5"), gt=0, le=1, description="Leave when this share of the credit is earned; 1: not before expiry"
    )

    @field_validator("days")
    @classmethod
    def _days_from_is_sooner(cls, days: int, info: ValidationInfo) -> int:
        return _at_least(days, info, "days_from")

    @field_validator("days_to")
    @classmethod
    def _days_to_is_later(cls, days_to: int, info: ValidationInfo) -> int:
        return _at_least(days_to, info, "days")


class ExitDays(OptionConfig):
    """Of those that leave some days before expiry."""

    exit_days: int = Field(
        21, strict=True, ge=0, le=364, description="Leave when it expires in so many calendar days; below days_from"
    )

    @field_validator("exit_days")
    @classmethod
    def _exit_is_after_entry(cls, exit_days: int, info: ValidationInfo) -> int:
        days_from = info.data.get("days_from")
        if days_from is not None and exit_days >= days_from:
            raise ValueError(f"must be below days_from, which is {days_from}")
        return exit_days


class StopAndWindow(OptionConfig):
    """Of those that have a stop, and therefore a time to enter: else a stop would be followed by an entry."""

    stop_multiple: Amount = Field(
        Decimal(2), gt=1, le=20, description="Leave when the middle price reaches this many times the credit"
    )
    enter_minutes_after_open: int = Field(
        30, strict=True, ge=1, le=389, description="Enter on the first bar that ends at or after this, minutes"
    )
    entry_bars: int = Field(
        1, strict=True, ge=1, le=390, description="How many bars, from that one on, may enter; 1: once a session"
    )


class SoldPrice(OptionConfig):
    """Of those that sell single options."""

    least_credit: Amount = Field(
        Decimal("0.05"), gt=0, le=10_000, description="No entry for less, dollars per unit of the underlying"
    )


class SpreadConfig(StopAndWindow):
    """Of those that sell spreads."""

    width: Amount = Field(
        Decimal(5), gt=0, le=10_000, description="From the strike that is sold to the one that is bought, dollars"
    )
    width_within: Amount = Field(
        Decimal(0), ge=0, le=10_000, description="How far the width may be off where no strike fits, dollars; below it"
    )
    least_credit_share: Amount = Field(
        Decimal("0.2"), gt=0, lt=1, description="No entry for less than this share of the width"
    )

    @field_validator("width_within")
    @classmethod
    def _the_width_stays(cls, width_within: Decimal, info: ValidationInfo) -> Decimal:
        width = info.data.get("width")
        if width is not None and width_within >= width:
            raise ValueError(f"must be below width, which is {width}")
        return width_within


def _at_least(value: int, info: ValidationInfo, name: str) -> int:
    least = info.data.get(name)
    if least is not None and value < least:
        raise ValueError(f"must be at least {name}, which is {least}")
    return value
