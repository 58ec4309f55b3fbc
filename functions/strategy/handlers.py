"""Entry points of `strategy`: thin; each decodes what woke it and calls one function of this folder."""

from __future__ import annotations

from typing import Any

from functions.core.errors import AgentTraderError, BadInput
from functions.core.events import BarCompleted, ChainTaken, QuoteUpdated, StrategyChanged, TradeChanged
from functions.core.handling import delivered
from functions.core.ledger.deciding import DecisionLedger
from functions.core.ledger.lifecycle import LifecycleLedger
from functions.core.log import logger
from functions.core.ports import ports
from functions.core.runtime import event_of
from functions.strategy.between_bars import decide_on_fills, decide_on_quote
from functions.strategy.deciding import decide_due
from functions.strategy.validating import validate_due

_PRUNED_AT_ONCE = 5000


@delivered
def evaluate_strategies(message: Any) -> None:
    """Topic market-data-bars: every active strategy of the symbol decides on the completed bar."""
    event = event_of(message)
    if not isinstance(event, BarCompleted):
        raise BadInput("WRONG_EVENT", f"expected bar.completed, was {event.type}")
    bar = event.data
    reach = ports("strategy")
    ledger = DecisionLedger(reach.ledger)
    decide_due(ledger, bar.symbol, bar.timeframe, bar.ends_at, reach.clock.now(), event.trace)


@delivered
def evaluate_on_chains(message: Any) -> None:
    """Topic market-data-options: the strategies that decide with a chain do so when that of the bar is there."""
    event = event_of(message)
    if not isinstance(event, ChainTaken):
        raise BadInput("WRONG_EVENT", f"expected chain.taken, was {event.type}")
    taken, reach = event.data, ports("strategy")
    ledger = DecisionLedger(reach.ledger)
    decide_due(ledger, taken.underlying, taken.timeframe, taken.bar_at, reach.clock.now(), event.trace)


@delivered
def evaluate_on_quotes(message: Any) -> None:
    """Topic market-data-quotes: the strategies that hear quotes of the symbol decide between bars."""
    event = event_of(message)
    if not isinstance(event, QuoteUpdated):
        raise BadInput("WRONG_EVENT", f"expected quote.updated, was {event.type}")
    decide_on_quote(DecisionLedger(ports("strategy").ledger), event.data, event.trace)


@delivered
def evaluate_on_fills(message: Any) -> None:
    """Topic trade-events: a strategy that hears of its fills decides on them."""
    event = event_of(message)
    if not isinstance(event, TradeChanged):
        raise BadInput("WRONG_EVENT", f"expected trade.filled or trade.partially_filled, was {event.type}")
    if event.data.strategy_id is not None:
        decide_on_fills(DecisionLedger(ports("strategy").ledger), event.data.trade_id, event.trace)


@delivered
def evaluate_missed(_message: Any) -> None:
    """Schedule: bars that no message brought to a decision."""
    reach = ports("strategy")
    ledger, now = DecisionLedger(reach.ledger), reach.clock.now()
    failed: list[AgentTraderError] = []
    for gap in ledger.bars_undecided(now):
        try:
            decide_due(ledger, gap.symbol, gap.timeframe, gap.until, now)
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
    validate_due(LifecycleLedger(ports("strategy").ledger), event.data.strategy_id)


@delivered
def validate_missed(_message: Any) -> None:
    """Schedule: versions that no message brought to a verdict, and those whose verdict may have changed."""
    validate_due(LifecycleLedger(ports("strategy").ledger))


@delivered
def watch_strategies(_message: Any) -> None:
    """Schedule: active strategies that do not decide although bars should have come are told of, once each time."""
    there = ports("strategy")
    found = LifecycleLedger(there.ledger).watch_strategies(there.clock.now())
    if found.silent or found.heard:
        logger("strategy").warning("watched", silent=found.silent, heard_again=found.heard)


@delivered
def prune_decisions(_message: Any) -> None:
    """Schedule: decisions not to trade that were kept long enough go, some at a time; `why` makes them again."""
    ledger = LifecycleLedger(ports("strategy").ledger)
    removed = more = ledger.prune_stay_decisions(_PRUNED_AT_ONCE)
    while more == _PRUNED_AT_ONCE:
        more = ledger.prune_stay_decisions(_PRUNED_AT_ONCE)
        removed += more
    logger("strategy").info("decisions not to trade pruned", removed=removed)
