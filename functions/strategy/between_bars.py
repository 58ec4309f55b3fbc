"""Decisions between bars: of strategies that hear quotes, and of those that hear of their fills."""

from __future__ import annotations

from datetime import datetime, timedelta
from functools import partial
from uuid import UUID

from functions.core.errors import BadInput
from functions.core.events import QuoteData
from functions.core.ledger.deciding import DecisionLedger, DecisionToRecord, FillToHear, HearingStrategy, Unreadable
from functions.core.quiet import Quiet
from functions.strategy.bars import Bars
from functions.strategy.deciding import MOST_ATTEMPTS, built, given, readable, tell
from functions.strategy.decision import stay
from functions.strategy.evaluate import Market, evaluate_fill, evaluate_quote
from functions.strategy.gathering import MarketReader, timeframe_of
from functions.strategy.interface import Fill, Strategy
from functions.strategy.recording import not_decided, recorded, split_to_book, standing_of

# A strategy that has just started may miss some quotes.
_quiet = Quiet(timedelta(seconds=5))


def decide_on_quote(ledger: DecisionLedger, quote: QuoteData, trace: str | None = None) -> int:
    """Lets the strategies that hear quotes of the symbol decide; returns how many decided to act.

    Only what acts is recorded: a quote that changes nothing is no decision to keep.
    """
    if _quiet.about(quote.symbol, quote.quoted_at):
        return 0
    rows = ledger.strategies_hearing("quotes", quote.symbol)
    if not rows:
        _quiet.nobody_asks(quote.symbol, quote.quoted_at)
        return 0
    reader = MarketReader(ledger, quote.quoted_at)
    acting = []
    for one, strategy in _able(ledger, rows):
        if split_to_book(one, quote.quoted_at) is not None:
            continue
        inputs = strategy.inputs()
        try:
            bars = reader.bars(quote.symbol, timeframe_of(one.timeframe), inputs.warm_up)
            if len(bars) == 0:
                continue
            market = reader.market(quote.symbol, inputs, inputs.warm_up, bars.bar(-1).ends_at, quote.quoted_at)
            decision = given(one, partial(_on_quote, one, strategy, bars, quote, market, trace))
        except BadInput as error:
            tell(ledger, one, error)
            continue
        if decision.orders or decision.cancels:
            acting.append(decision)
    if acting:
        ledger.record_decisions(quote.symbol, acting)
    return len(acting)


def decide_on_fills(ledger: DecisionLedger, trade: UUID, trace: str | None = None) -> int:
    """Lets the strategy of a trade decide on each execution that it has not decided on; returns how many it did."""
    decided = 0
    for _ in range(MOST_ATTEMPTS):
        superseded = False
        for fill in ledger.fills_to_hear(trade):
            for one, strategy in _able(ledger, ledger.strategies_hearing("fills", fill.underlying, fill.strategy_id)):
                decision = _on_fill(ledger, one, strategy, fill, trace)
                told = ledger.record_decisions(fill.underlying, [decision])
                superseded = superseded or bool(told.superseded)
                decided += not told.superseded
        if not superseded:
            break
    return decided


def _on_quote(
    one: HearingStrategy, strategy: Strategy, bars: Bars, quote: QuoteData, market: Market, trace: str | None
) -> DecisionToRecord:
    decision = evaluate_quote(strategy, bars, quote, standing_of(one), market)
    return recorded(one, decision, market.chain, trace, cause="quote")


def _on_fill(
    ledger: DecisionLedger, one: HearingStrategy, strategy: Strategy, fill: FillToHear, trace: str | None
) -> DecisionToRecord:
    booking = split_to_book(one, fill.executed_at)
    if booking is not None:
        nothing = stay(fill.underlying, fill.executed_at, booking)
        return recorded(one, nothing, None, trace, cause="fill", caused_by=str(fill.fill_id))
    reader = MarketReader(ledger, fill.executed_at)
    inputs = strategy.inputs()
    try:
        bars = reader.bars(fill.underlying, timeframe_of(one.timeframe), inputs.warm_up)
        ended = _ended(bars, fill.executed_at)
        market = reader.market(fill.underlying, inputs, inputs.warm_up, ended, fill.executed_at)
        execution = Fill(symbol=fill.symbol, quantity=fill.quantity, price=fill.price)
        return given(
            one,
            lambda: recorded(
                one,
                evaluate_fill(strategy, bars, execution, standing_of(one), market),
                market.chain,
                trace,
                cause="fill",
                caused_by=str(fill.fill_id),
            ),
        )
    except BadInput as error:
        tell(ledger, one, error)
        return not_decided(one, fill.executed_at, error, trace, "fill", str(fill.fill_id))


def _ended(bars: Bars, at: datetime) -> datetime:
    return bars.bar(-1).ends_at if len(bars) else at


def _able(ledger: DecisionLedger, rows: list[HearingStrategy | Unreadable]) -> list[tuple[HearingStrategy, Strategy]]:
    able = []
    for one in readable(ledger, rows):
        strategy = built(one, one.timeframe)
        if isinstance(strategy, Strategy):
            able.append((one, strategy))
    return able
