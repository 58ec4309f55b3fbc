"""The rules an order must pass at submit, and at a dry run."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from decimal import Decimal
from typing import Final

from local.simulators.tastytrade import refusals
from local.simulators.tastytrade.order_request import OrderRequest
from local.simulators.tastytrade.refusals import Reason

_MOST_OPTION_LEGS: Final = 4
_MARKET: Final = ("Market", "Notional Market")
_EXTENDED: Final = ("Ext", "GTC Ext", "Ext Overnight", "GTC Ext Overnight")
NO_POSITION: Final = "closing_with_no_position"


def check_shape(request: OrderRequest, *, is_open: bool) -> None:
    """Legs, order types, times in force and price effects. Raises Refusal 422 with every reason."""
    reasons = [*_legs(request), *_times(request, is_open=is_open), *_effects(request)]
    if reasons:
        raise refusals.preflight(reasons)


def with_effects(request: OrderRequest, visible: Mapping[str, Decimal]) -> tuple[OrderRequest, list[Reason]]:
    """The order with each leg's open or close as it will be, and the warnings. Raises Refusal 422.

    `visible` is what the position ledger shows, signed. A close without a position becomes an open, silently but for a
    warning, unless the order is strict.
    """
    warnings: list[Reason] = []
    legs = []
    for leg in request.legs:
        position = visible.get(leg.symbol, Decimal(0))
        if leg.opens or (-position if leg.is_buy else position) > 0:
            legs.append(leg)
            continue
        if request.strict:
            raise refusals.failed(NO_POSITION, f"You do not have a position in {leg.symbol} to close")
        warnings.append(Reason(NO_POSITION, f"You are closing {leg.symbol} without a position; it will be opened"))
        legs.append(replace(leg, action=leg.action.replace("Close", "Open"), rewritten=True))
    return replace(request, legs=tuple(legs)), warnings


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
