"""From a completed bar to recorded decisions: reads what is due, evaluates, writes all of it in one transaction."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from functools import partial
from typing import Any, TypeVar
from uuid import UUID

from functions.core.errors import BadInput
from functions.core.ledger.deciding import DecisionLedger, DecisionToRecord, DueStrategy, Unreadable
from functions.core.log import logger
from functions.strategy.bars import Bars, Timeframe, to_datetime, to_nanoseconds
from functions.strategy.catalogue import build
from functions.strategy.decision import stay
from functions.strategy.evaluate import Market, evaluate
from functions.strategy.gathering import MarketReader, timeframe_of
from functions.strategy.interface import Strategy
from functions.strategy.recording import not_decided, recorded, split_to_book, standing_of

_log = logger("strategy")
# After an outage this many missed bars are decided on in one go; the sweep goes on from there.
_MOST_MISSED = 500
# What was filled while a strategy decided makes it decide again; a strategy that trades on and on is left to the sweep.
MOST_ATTEMPTS = 3
_MOST_BUILT = 10_000
_MOST_TEXT = 500
Found = TypeVar("Found", bound=DueStrategy)
Given = TypeVar("Given")
_built: dict[tuple[UUID, int, str], Strategy | BadInput] = {}


def decide_due(
    ledger: DecisionLedger, symbol: str, timeframe: str, until: datetime, now: datetime, trace: str | None = None
) -> int:
    """Lets every due strategy decide on each bar it has not decided on, up to the one ending at `until`.

    `now` (UTC) is only for how long one waits for a chain, or for other symbols' bars. Returns how many decisions were
    sent to the ledger. A strategy that cannot be built or breaks the interface stays, with the error as its reason, and
    an alert: it never stops the others.
    """
    sent = 0
    for _ in range(MOST_ATTEMPTS):
        due = readable(ledger, ledger.strategies_due(symbol, timeframe, until, now))
        reader = MarketReader(ledger, until)
        superseded = False
        for lead in dict.fromkeys(one.symbol for one in due):
            decisions = _decide(ledger, reader, lead, timeframe_of(timeframe), due, trace)
            if decisions:
                told = ledger.record_decisions(lead, decisions)
                superseded = superseded or bool(told.superseded)
                sent += len(decisions)
                if told.placed:
                    _log.info("placed", symbol=lead, trades=[str(trade) for trade in told.placed])
        if not superseded:
            break
    return sent


def readable(ledger: DecisionLedger, rows: Sequence[Found | Unreadable]) -> list[Found]:
    """The strategies whose rows can be read; of the others an administrator is told."""
    found: list[Found] = []
    for one in rows:
        if isinstance(one, Unreadable):
            name = f"strategy-unreadable|{one.strategy_id}"
            ledger.raise_alert("STRATEGY_UNREADABLE", "critical", one.reason, {"strategy": one.strategy_id}, name)
        else:
            found.append(one)
    return found


def built(one: DueStrategy, timeframe: str) -> Strategy | BadInput:
    """The strategy of a row, or what is wrong with it. A version never changes: it is built once in a process."""
    key = (one.strategy_id, one.strategy_version, timeframe)
    if key not in _built:
        if len(_built) >= _MOST_BUILT:
            _built.clear()
        try:
            _built[key] = given(one, lambda: _ready(one, timeframe))
        except BadInput as error:
            _built[key] = error
    return _built[key]


def given(one: DueStrategy, ask: Callable[[], Given]) -> Given:
    """What the strategy of a row gives. Raises BadInput: its own, or STRATEGY_BROKEN for whatever else it raises.

    A plug-in is somebody else's code: what it raises must not keep the others of its symbol from deciding.
    """
    try:
        return ask()
    except BadInput:
        raise
    except Exception as error:
        raise BadInput("STRATEGY_BROKEN", f"{one.kind} raised {error!r}"[:_MOST_TEXT]) from error


def tell(ledger: DecisionLedger, one: DueStrategy, error: BadInput) -> None:
    """Tells that a strategy cannot decide, once for each version and kind of error."""
    _log.error("strategy cannot decide", strategy=str(one.strategy_id), kind=one.kind, reason=str(error))
    numbers: dict[str, Any] = {"strategy": str(one.strategy_id), "version": one.strategy_version}
    name = f"strategy-broken|{one.strategy_id}|{one.strategy_version}|{error.code}"
    ledger.raise_alert("STRATEGY_CANNOT_DECIDE", "warning", str(error), numbers, name)


def _ready(one: DueStrategy, timeframe: str) -> Strategy:
    strategy = build(one.kind, {**one.config, "timeframe": timeframe}, one.symbols)
    strategy.inputs()
    return strategy


def _decide(
    ledger: DecisionLedger,
    reader: MarketReader,
    lead: str,
    timeframe: Timeframe,
    due: Sequence[DueStrategy],
    trace: str | None,
) -> list[DecisionToRecord]:
    """The decisions of all strategies that decide in the name of one symbol, in the order of the strategies."""
    own = [(one, built(one, timeframe)) for one in due if one.symbol == lead]
    count = 1 + max((s.inputs().warm_up for _, s in own if isinstance(s, Strategy)), default=1)
    bars = reader.bars(lead, timeframe, count)
    earliest = to_nanoseconds(min(one.last_bar_at for one, _ in own))
    if len(bars) > 1 and int(bars.ends_at[-2]) > earliest:
        # More than the newest bar is undecided.
        count += _MOST_MISSED
        bars = reader.bars(lead, timeframe, count)
    decisions: list[DecisionToRecord] = []
    for one, strategy in own:
        if isinstance(strategy, BadInput):
            tell(ledger, one, strategy)
            missed = _missed(bars, one)
            decisions.extend(not_decided(one, to_datetime(int(bars.ends_at[at])), strategy, trace) for at in missed)
        else:
            decisions.extend(_decisions(ledger, reader, one, strategy, bars, count, trace))
    return decisions


def _decisions(
    ledger: DecisionLedger,
    reader: MarketReader,
    one: DueStrategy,
    strategy: Strategy,
    bars: Bars,
    count: int,
    trace: str | None,
) -> list[DecisionToRecord]:
    found: list[DecisionToRecord] = []
    inputs = strategy.inputs()
    for index in _missed(bars, one):
        bar_at = to_datetime(int(bars.ends_at[index]))
        booking = split_to_book(one, bar_at)
        if booking is not None:
            found.append(recorded(one, stay(bars.symbol, bar_at, booking), None, trace))
            continue
        try:
            market = reader.market(bars.symbol, inputs, count, bar_at)
            # Of a bar that was missed before a split: in the unit of its own day.
            then = reader.bars(bars.symbol, bars.timeframe, count, bar_at).until(int(bars.ends_at[index]))
            decision = given(one, partial(_on_bar, one, strategy, then, market, trace))
        except BadInput as error:
            tell(ledger, one, error)
            found.append(not_decided(one, bar_at, error, trace))
            continue
        found.append(decision)
        if decision.orders or decision.cancels:
            # What this does to the position is not known yet: later bars are decided on at the next wake-up.
            break
    return found


def _on_bar(one: DueStrategy, strategy: Strategy, bars: Bars, market: Market, trace: str | None) -> DecisionToRecord:
    return recorded(one, evaluate(strategy, bars, standing_of(one), market), market.chain, trace)


def _missed(bars: Bars, one: DueStrategy) -> range:
    return range(bars.ended_by(to_nanoseconds(one.last_bar_at)), len(bars))
