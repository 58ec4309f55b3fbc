"""The rules an order must pass at submit, and at a dry run but for ticks."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Final

from functions.core.money import text
from local.simulators.tastytrade import refusals
from local.simulators.tastytrade.order_request import LegRequest, OrderRequest
from local.simulators.tastytrade.refusals import Reason

_MOST_OPTION_LEGS: Final = 4
_MARKET: Final = ("Market", "Notional Market")
_EXTENDED: Final = ("Ext", "GTC Ext", "Ext Overnight", "GTC Ext Overnight")
_CENT: Final = Decimal("0.01")
_NICKEL: Final = Decimal("0.05")
_BELOW_A_DOLLAR: Final = Decimal("0.0001")
_THREE: Final = Decimal(3)
PENNY_ROOTS: Final = frozenset({"SPY", "IWM", "QQQ"})
"""Their options trade in cents at every price."""


@dataclass(frozen=True, slots=True)
class Holdings:
    """What the broker's position ledger shows of an account, by the venue's symbol; short is negative.

    `closing` is the quantity of working orders that close a position.
    """

    position: Callable[[str], Decimal]
    closing: Callable[[str], Decimal]


def check_shape(request: OrderRequest, *, is_open: bool) -> None:
    """Legs, order types, times in force and price effects. Raises Refusal 422 with every reason."""
    reasons = [*_legs(request), *_times(request, is_open=is_open), *_effects(request)]
    if reasons:
        raise refusals.preflight(reasons)


def option_tick(underlying: str, price: Decimal) -> Decimal:
    """The price increment of one option of an underlying at a price."""
    return _CENT if underlying in PENNY_ROOTS or price < _THREE else _NICKEL


def tick(request: OrderRequest, price: Decimal) -> Decimal:
    """The increment of an order's price: the instrument's own, a spread's net price by the same table."""
    if request.legs[0].instrument_type == "Equity":
        return _CENT if price >= 1 else _BELOW_A_DOLLAR
    return option_tick(request.underlying, price)


def check_ticks(request: OrderRequest) -> None:
    """Raises Refusal 422. A dry run does not ask."""
    for price in (request.price, request.stop):
        if price:
            step = tick(request, price)
            if price % step:
                raise refusals.failed(
                    "invalid_price_increment", f"Price {text(price)} must be in increments of {text(step)}"
                )


def with_effects(request: OrderRequest, holdings: Holdings) -> tuple[OrderRequest, list[Reason]]:
    """The order with each leg's open or close as it will be, and the warnings. Raises Refusal 422.

    A close without a position becomes an open, silently but for a warning, unless the order is strict.
    """
    warnings: list[Reason] = []
    legs = tuple(_leg_effect(leg, request, holdings, warnings) for leg in request.legs)
    return replace(request, legs=legs), warnings


def _leg_effect(leg: LegRequest, request: OrderRequest, holdings: Holdings, warnings: list[Reason]) -> LegRequest:
    position = holdings.position(leg.symbol)
    quantity = leg.quantity or Decimal(0)
    if leg.opens:
        if position and (position > 0) != leg.is_buy:
            raise refusals.failed(
                "cannot_open_against_existing_position",
                f"You cannot {leg.action} {leg.symbol} against your existing position; close it first",
            )
        return leg
    held = max(-position if leg.is_buy else position, Decimal(0))
    if not held:
        if request.strict:
            raise refusals.failed("closing_with_no_position", f"You do not have a position in {leg.symbol} to close")
        warnings.append(
            Reason("closing_with_no_position", f"You are closing {leg.symbol} without a position; it will be opened")
        )
        return replace(leg, action=leg.action.replace("Close", "Open"))
    working = holdings.closing(leg.symbol)
    if quantity > held:
        raise refusals.failed(
            "cannot_close_against_more_than_existing_position",
            f"You cannot close {text(quantity)} of {leg.symbol} against your position of {text(held)}",
        )
    if quantity > held - working:
        raise refusals.failed(
            "cannot_close_against_more_than_existing_position",
            f"You already have a closing order for {leg.symbol} which must be canceled before this order can be routed",
        )
    return leg


def _legs(request: OrderRequest) -> Sequence[Reason]:
    kinds = {leg.instrument_type for leg in request.legs}
    if kinds == {"Equity"} and len(request.legs) > 1:
        return [Reason("equity_orders_one_leg_only", "Equity orders must have one leg")]
    if len(kinds) > 1:
        return [Reason("mixed_instruments_not_supported", "Legs must have one instrument type")]
    if len(request.legs) > _MOST_OPTION_LEGS:
        return [Reason("too_many_legs", f"Orders have at most {_MOST_OPTION_LEGS} legs")]
    if request.type in _MARKET and len(request.legs) != 1:
        return [Reason("market_orders_one_leg_only", "Market orders must have exactly one leg")]
    if request.type == "Notional Market" and kinds != {"Equity"}:
        return [Reason("notional_orders_equities_only", "Notional orders are for equities")]
    return []


def _times(request: OrderRequest, *, is_open: bool) -> Sequence[Reason]:
    opening = any(leg.opens for leg in request.legs)
    if request.type in _MARKET and request.time_in_force in ("GTC", "GTD", "GTC Ext", "GTC Ext Overnight"):
        return [Reason("gtc_market_orders_not_supported", "Market orders cannot be GTC")]
    if request.type == "Stop" and opening and request.time_in_force in ("GTC", "GTD"):
        return [Reason("gtc_opening_stop_orders_not_supported", "Opening stop orders cannot be GTC")]
    if request.type in _MARKET and opening and not is_open:
        return [
            Reason("opening_market_orders_while_closed", "Opening market orders are taken while the market is open")
        ]
    if request.time_in_force in _EXTENDED and (
        len(request.legs) > 1 or request.legs[0].instrument_type != "Equity" or request.type != "Limit"
    ):
        return [Reason("extended_hours_not_supported", "Extended hours are for limit orders of one equity")]
    if request.time_in_force == "IOC" and not is_open:
        return [Reason("ioc_orders_while_closed", "IOC orders are taken while the market is open")]
    return []


def _effects(request: OrderRequest) -> Sequence[Reason]:
    for given in (request.price_effect, request.value_effect):
        if given is None:
            continue
        if given == "Credit" and all(leg.is_buy for leg in request.legs):
            return [Reason("cant_buy_for_credit", "You cannot buy for a credit")]
        if given == "Debit" and not any(leg.is_buy for leg in request.legs):
            return [Reason("cant_sell_for_debit", "You cannot sell for a debit")]
    return []
