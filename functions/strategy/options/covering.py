"""Calls against shares, as covered_call and the wheel sell them: never more than the shares cover."""

from __future__ import annotations

from decimal import Decimal

from pydantic import Field

from functions.core.money import Amount, text
from functions.strategy.holding import Holdings
from functions.strategy.interface import Intent, Moment, NoTrade
from functions.strategy.options.config import SoldPrice
from functions.strategy.options.held import SHARES, contracts, sold
from functions.strategy.options.leaving import leave
from functions.strategy.options.selling import by_delta, sell_one


class CoveringConfig(SoldPrice):
    """What selling calls against shares needs to know."""

    call_delta: Amount = Field(Decimal("0.3"), gt=0, lt=1, description="Delta of the call to sell, its size")
    not_below_cost: bool = Field(
        False, strict=True, description="No call whose strike is below what the shares cost on average"
    )


def lots(now: Moment) -> Decimal:
    """How many calls the shares held cover."""
    return max(now.position.quantity, Decimal(0)) // SHARES


def uncovered(now: Moment, held: Holdings) -> Intent | None:
    """Buys the calls back when there are more than the shares cover; None where there are not."""
    calls = sold(held, "call")
    if contracts(calls) <= lots(now):
        return None
    shares = text(now.position.quantity)
    return leave(now, calls, f"{text(contracts(calls))} calls are sold and the {shares} shares do not cover them")


def sell_calls(now: Moment, held: Holdings, config: CoveringConfig) -> Intent:
    """Sells calls against all whole lots of shares, up to `contracts`. Raises NoTrade."""
    call = by_delta(now, sold(held, "call"), config, "call", config.call_delta)
    if call.multiplier != SHARES:
        raise NoTrade(f"{call.symbol} is on {text(call.multiplier)} units, not on {text(SHARES)} shares")
    cost = now.position.average_entry
    if config.not_below_cost and cost is not None and call.strike < cost:
        raise NoTrade(f"the strike {text(call.strike)} is below the {text(cost)} that the shares cost")
    return sell_one(now, config, call, min(lots(now), Decimal(config.contracts)))
