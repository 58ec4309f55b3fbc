"""Entry points of `strategy`: thin; each decodes what woke it and calls one function of this folder."""

from __future__ import annotations

from typing import Any

from functions.core.errors import AgentTraderError, BadInput
from functions.core.events import BarCompleted, StrategyChanged
from functions.core.handling import delivered
from functions.core.ledger.deciding import DecisionLedger
from functions.core.ledger.validating import ValidationLedger
from functions.core.ports import ports
from functions.core.runtime import event_of
from functions.strategy.deciding import decide_due
from functions.strategy.validating import validate_due


@delivered
def evaluate_strategies(message: Any) -> None:
    """Topic market-data-bars: every active strategy of the symbol decides on the completed bar."""
    event = event_of(message)
    if not isinstance(event, BarCompleted):
        raise BadInput("WRONG_EVENT", f"expected bar.completed, was {event.type}")
    bar = event.data
    decide_due(DecisionLedger(ports("strategy").ledger), bar.symbol, bar.timeframe, bar.ends_at, event.trace)


@delivered
def evaluate_missed(_message: Any) -> None:
    """Schedule: bars that no message brought to a decision."""
    ledger = DecisionLedger(ports("strategy").ledger)
    failed: list[AgentTraderError] = []
    for gap in ledger.bars_undecided():
        try:
            decide_due(ledger, gap.symbol, gap.timeframe, gap.until)
        except AgentTraderError as error:
            # One symbol must not take the others' sweep; the first error is raised when all had their turn.
            failed.append(error)
    if failed:
        raise failed[0]


@delivered
def validate_strategy(message: Any) -> None:
    """Topic strategy-events: the version that was written is looked at, and takes effect where it is valid."""
    event = event_of(message)
    if not isinstance(event, StrategyChanged):
        raise BadInput("WRONG_EVENT", f"expected strategy.edited, was {event.type}")
    validate_due(ValidationLedger(ports("strategy").ledger), event.data.strategy_id)


@delivered
def validate_missed(_message: Any) -> None:
    """Schedule: versions that no message brought to a verdict, and those whose verdict may have changed."""
    validate_due(ValidationLedger(ports("strategy").ledger))
