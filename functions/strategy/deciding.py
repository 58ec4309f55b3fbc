"""From a completed bar to recorded decisions: reads what is due, evaluates, writes all of it in one transaction."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any, get_args

from functions.core.errors import BadInput
from functions.core.ledger.deciding import (
    DecisionLedger,
    DecisionToRecord,
    DueStrategy,
    OrderToPlace,
    StoredBar,
    Unreadable,
)
from functions.core.log import logger
from functions.strategy.bars import Bars, Timeframe
from functions.strategy.catalogue import build
from functions.strategy.decision import Decision
from functions.strategy.evaluate import evaluate
from functions.strategy.holding import Position, Standing, WorkingOrder
from functions.strategy.interface import Strategy

_log = logger("strategy")
# After an outage this many missed bars are decided on in one go; the sweep goes on from there.
_MOST_MISSED = 500


def decide_due(ledger: DecisionLedger, symbol: str, timeframe: str, until: datetime, trace: str | None = None) -> int:
    """Lets every due strategy decide on each bar it has not decided on, up to the one ending at `until`.

    Returns how many decisions were sent to the ledger. A strategy that cannot be built or breaks the interface stays,
    with the error as its reason, and an alert: it never stops the others.
    """
    due: list[DueStrategy] = []
    for one in ledger.strategies_due(symbol, timeframe, until):
        if isinstance(one, Unreadable):
            name = f"strategy-unreadable|{one.strategy_id}"
            ledger.raise_alert("STRATEGY_UNREADABLE", "critical", one.reason, {"strategy": one.strategy_id}, name)
        else:
            due.append(one)
    if not due:
        return 0
    built = [(one, _build(one, timeframe)) for one in due]
    warm_up = max((s.inputs().warm_up for _, s in built if isinstance(s, Strategy)), default=1)
    rows = ledger.bars_until(symbol, timeframe, until, warm_up + 1)
    earliest = min(one.last_bar_at for one in due)
    if rows and len(rows) > 1 and rows[-2].ends_at > earliest:
        # More than the newest bar is undecided.
        rows = ledger.bars_until(symbol, timeframe, until, warm_up + _MOST_MISSED)
    decisions: list[DecisionToRecord] = []
    for one, strategy in built:
        missed = [row for row in rows if row.ends_at > one.last_bar_at]
        if isinstance(strategy, BadInput):
            _tell(ledger, one, strategy)
            decisions.extend(_no_decision(one, row.ends_at, strategy, trace) for row in missed)
        else:
            decisions.extend(_decisions(ledger, one, strategy, symbol, timeframe, rows, missed, trace))
    if decisions:
        placed = ledger.record_decisions(symbol, decisions)
        if placed:
            _log.info("placed", symbol=symbol, trades=[str(trade) for trade in placed])
    return len(decisions)


def _build(one: DueStrategy, timeframe: str) -> Strategy | BadInput:
    try:
        return build(one.kind, {**one.config, "timeframe": timeframe}, one.symbols)
    except BadInput as error:
        return error


def _decisions(
    ledger: DecisionLedger,
    one: DueStrategy,
    strategy: Strategy,
    symbol: str,
    timeframe: str,
    rows: Sequence[StoredBar],
    missed: Sequence[StoredBar],
    trace: str | None,
) -> list[DecisionToRecord]:
    found: list[DecisionToRecord] = []
    warm_up = strategy.inputs().warm_up
    standing = _standing(one, symbol)
    for row in missed:
        end = rows.index(row) + 1
        try:
            bars = Bars.of(symbol, _timeframe(timeframe), list(rows[max(0, end - warm_up) : end]))
            decision = evaluate(strategy, bars, standing)
        except BadInput as error:
            _tell(ledger, one, error)
            found.append(_no_decision(one, row.ends_at, error, trace))
            continue
        found.append(_record(one, decision, trace))
        if decision.orders:
            # What this order does to the position is not known yet: later bars are decided on at the next wake-up.
            break
    return found


def _standing(one: DueStrategy, symbol: str) -> Standing:
    held = {symbol: Position(one.position, one.average_entry_price)} if one.position else {}
    working = WorkingOrder(
        trade_id=one.strategy_id,
        placed_at=one.last_bar_at,
        order_type="market",
        reduce_only=False,
        remaining={symbol: one.working},
    )
    return Standing(held=held, working=(working,) * one.working_orders)


def _record(one: DueStrategy, decision: Decision, trace: str | None) -> DecisionToRecord:
    return DecisionToRecord(
        strategy_id=one.strategy_id,
        bar_at=decision.bar_at,
        reason=decision.reason,
        trace=trace,
        orders=[
            OrderToPlace(
                number=number,
                symbol=order.symbol,
                side=order.side,
                order_type=order.order_type,
                position_intent=order.position_intent,
                quantity=order.quantity,
                price=order.limit_price,
                planned_stop=order.stop_loss_price,
                reduce_only=order.reduce_only,
                good_until=order.good_until,
                reason=order.reason,
            )
            for number, order in enumerate(decision.orders)
        ],
    )


def _no_decision(one: DueStrategy, bar_at: datetime, error: BadInput, trace: str | None) -> DecisionToRecord:
    reason = f"no decision: {error}"
    return DecisionToRecord(strategy_id=one.strategy_id, bar_at=bar_at, reason=reason, orders=[], trace=trace)


def _tell(ledger: DecisionLedger, one: DueStrategy, error: BadInput) -> None:
    _log.error("strategy cannot decide", strategy=str(one.strategy_id), kind=one.kind, reason=str(error))
    numbers: dict[str, Any] = {"strategy": str(one.strategy_id), "version": one.strategy_version}
    name = f"strategy-broken|{one.strategy_id}|{one.strategy_version}|{error.code}"
    ledger.raise_alert("STRATEGY_CANNOT_DECIDE", "warning", str(error), numbers, name)


def _timeframe(name: str) -> Timeframe:
    known: tuple[Timeframe, ...] = get_args(Timeframe)
    for timeframe in known:
        if timeframe == name:
            return timeframe
    raise BadInput("BAD_TIMEFRAME", f"expected one of {', '.join(known)}, was {name!r}")
