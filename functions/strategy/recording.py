"""Between the ledger's rows and a decision: what a strategy has, and what it decided, as the ledger takes it."""

from __future__ import annotations

from datetime import datetime
from typing import Final, Literal

from functions.core.errors import BadInput
from functions.core.ledger.deciding import DecisionToRecord, DueStrategy, LegToPlace, OrderToPlace, PlanToArm, Saw
from functions.core.market_calendar import exchange_date
from functions.strategy.chain import Chain
from functions.strategy.decision import Decision, PlannedOrder
from functions.strategy.holding import Position, Standing, WorkingOrder

Cause = Literal["bar", "quote", "fill"]
_MOST_TEXT: Final = 10_000
"""Characters of a reason: a ranking of fifty symbols needs some two thousand."""


def standing_of(one: DueStrategy) -> Standing:
    """What a strategy holds and has working, as its row says."""
    return Standing(
        held={symbol: Position(held.quantity, held.average_entry) for symbol, held in one.held.items()},
        working=tuple(
            WorkingOrder(
                trade_id=order.trade_id,
                placed_at=order.placed_at,
                order_type=order.order_type,
                reduce_only=order.reduce_only,
                remaining=order.remaining,
                asked_to_cancel=order.asked_to_cancel,
            )
            for order in one.working
        ),
    )


def split_to_book(one: DueStrategy, at: datetime) -> str | None:
    """Why nothing can be decided at this moment, UTC: prices are in new shares, and what is held is still in old ones.

    None where it is not so.
    """
    if not one.splits_to_book:
        return None
    day = exchange_date(at)
    waits = sorted((split.symbol, split.ex_date) for split in one.splits_to_book if split.ex_date <= day)
    if not waits:
        return None
    named = ", ".join(f"{symbol} of {ex_date}" for symbol, ex_date in waits)
    return f"waiting for the broker to book the split of {named}"


def recorded(
    one: DueStrategy,
    decision: Decision,
    chain: Chain | None,
    trace: str | None,
    cause: Cause = "bar",
    caused_by: str = "",
) -> DecisionToRecord:
    """A decision for the ledger, with what it saw where it asks for something."""
    acts = bool(decision.orders or decision.cancels)
    return DecisionToRecord(
        strategy_id=one.strategy_id,
        strategy_version=one.strategy_version,
        bar_at=decision.bar_at,
        cause=cause,
        caused_by=caused_by,
        reason=_storable(decision.reason),
        orders=tuple(_order(number, order, one.exits_by) for number, order in enumerate(decision.orders)),
        cancels=decision.cancels,
        saw=saw(one) if acts else None,
        chain_taken_at=None if chain is None else chain.taken_at,
        trace=trace,
    )


def not_decided(
    one: DueStrategy, at: datetime, error: BadInput, trace: str | None, cause: Cause = "bar", caused_by: str = ""
) -> DecisionToRecord:
    """The record that a strategy could not decide, and why."""
    return DecisionToRecord(
        strategy_id=one.strategy_id,
        strategy_version=one.strategy_version,
        bar_at=at,
        cause=cause,
        caused_by=caused_by,
        reason=_storable(f"no decision: {error}"),
        trace=trace,
    )


def saw(one: DueStrategy) -> Saw:
    """What a decision on this row sees of its strategy."""
    return Saw(
        held={symbol: held.quantity for symbol, held in one.held.items()},
        working=[order.trade_id for order in one.working],
    )


def _storable(reason: str) -> str:
    """A plug-in's words as the ledger takes them: a character that it refuses would cost the others' decisions too."""
    return reason[:_MOST_TEXT].replace("\x00", "").encode("utf-8", "replace").decode("utf-8")


def _order(number: int, order: PlannedOrder, exits_by: str) -> OrderToPlace:
    alone = len(order.legs) == 1
    legs = [
        LegToPlace(symbol=leg.symbol, side=leg.side, position_intent=leg.position_intent, ratio=leg.ratio)
        for leg in order.legs
    ]
    plan = order.exits if exits_by == "watched" else None
    return OrderToPlace(
        number=number,
        symbol=order.symbol if alone else None,
        side=order.side if alone else None,
        position_intent=order.position_intent if alone else None,
        legs=None if alone else legs,
        order_type=order.order_type,
        quantity=order.quantity,
        price=order.limit_price,
        planned_stop=order.stop_loss_price,
        exit_plan=None if plan is None else PlanToArm(stop_price=plan.stop, target_price=plan.target, exit_at=plan.at),
        reduce_only=order.reduce_only,
        good_until=order.good_until,
        reason=_storable(order.reason),
    )
