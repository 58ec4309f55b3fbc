"""An order on its way: from what a strategy plans to what risk judges, and from there to what the exchange takes."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal

from functions.backtest.account.placed import Placed
from functions.backtest.orders import NewOrder, OrderType, Side, TimeInForce
from functions.backtest.packages import NewPackage, PackageLeg
from functions.core.instruments import OptionSymbol, is_option
from functions.risk.book import ProposedLeg, ProposedOrder
from functions.strategy.decision import PlannedLeg, PlannedOrder

_CONTRACT = Decimal(100)


def proposed(planned: PlannedOrder, at: datetime) -> ProposedOrder:
    """What a strategy plans, as risk judges it at a moment of event time. Contracts are on a hundred shares."""
    return ProposedOrder(
        symbol=planned.symbol,
        side=planned.side,
        quantity=planned.quantity,
        event_time=at,
        order_type=planned.order_type,
        limit_price=planned.limit_price,
        stop_loss_price=planned.stop_loss_price,
        reduce_only=planned.reduce_only,
        legs=tuple(_leg(leg, planned.quantity) for leg in planned.legs),
    )


def _leg(planned: PlannedLeg, units: Decimal) -> ProposedLeg:
    if not is_option(planned.symbol):
        return ProposedLeg(
            symbol=planned.symbol,
            side=planned.side,
            position_intent=planned.position_intent,
            quantity=units * planned.ratio,
            ratio=planned.ratio,
        )
    option = OptionSymbol.parse(planned.symbol)
    return ProposedLeg(
        symbol=planned.symbol,
        side=planned.side,
        position_intent=planned.position_intent,
        quantity=units * planned.ratio,
        ratio=planned.ratio,
        multiplier=_CONTRACT,
        kind="option",
        underlying=option.root,
        right=option.right,
        strike=option.strike,
        expiry=option.expiry,
    )


def to_exchange(placed: Placed) -> NewOrder | NewPackage:
    """An approved order as the matching engine takes it."""
    order, time_in_force = placed.order, TimeInForce(placed.time_in_force)
    if order.several_legs:
        return NewPackage(
            order_id=placed.order_id,
            legs=tuple(PackageLeg(leg.symbol, Side(leg.side), leg.ratio) for leg in order.legs),
            quantity=int(order.quantity),
            time_in_force=time_in_force,
            limit=order.limit_price,
        )
    return NewOrder(
        order_id=placed.order_id,
        symbol=order.symbol,
        side=Side(order.side),
        quantity=order.legs[0].quantity,
        type=OrderType(order.order_type),
        time_in_force=time_in_force,
        limit=order.limit_price,
        stop=order.stop_price,
        trail_price=order.trail_price,
        trail_percent=order.trail_percent,
    )
