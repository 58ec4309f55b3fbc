"""A hand-made option market: one bar of SPY, and a chain whose contracts are named by right and strike, as P95."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from typing import Any

from functions.core.instruments import OptionSymbol
from functions.core.market_calendar import Calendar, Session
from functions.strategy.bars import TIMEFRAME_LENGTHS, Bars, Timeframe
from functions.strategy.catalogue import build
from functions.strategy.chain import Chain, ContractQuote
from functions.strategy.decision import Decision, PlannedOrder
from functions.strategy.evaluate import Market, evaluate
from functions.strategy.holding import Position, Standing
from tests.unit.strategy.hand_made import Row

D = Decimal
FULL = Session.in_new_york(date(2026, 11, 25))
HALF = Session.in_new_york(date(2026, 11, 27), closes=time(13))
FAR = date(2027, 1, 8)  # 44 days after the full day
NEAR = date(2026, 12, 16)  # 21 days after it
TODAY = FULL.date
CALENDAR = Calendar([FULL, HALF, Session.in_new_york(NEAR), Session.in_new_york(FAR)])

Quoted = tuple[str, str, str | None]
"""Bid, ask and delta."""
# Spot 100. Selling P95 over P90 brings 0.62 in the middle and 0.54 at once; C105 over C110 the same.
MARKET: dict[str, Quoted] = {
    "P98": ("1.80", "1.90", "-0.42"),
    "P95": ("1.00", "1.10", "-0.30"),
    "P90": ("0.40", "0.46", "-0.15"),
    "P85": ("0.10", "0.14", "-0.05"),
    "C102": ("1.80", "1.90", "0.42"),
    "C105": ("1.00", "1.10", "0.30"),
    "C110": ("0.40", "0.46", "0.15"),
    "C115": ("0.10", "0.14", "0.05"),
}


def name(short: str, expiry: date = FAR) -> str:
    """P95 as an OCC symbol."""
    return str(OptionSymbol("SPY", expiry, "put" if short[0] == "P" else "call", D(short[1:])))


def bar(at: int = 30, session: Session = FULL, timeframe: Timeframe = "1Min", price: str = "100") -> Bars:
    """The one that ends so many minutes after the open."""
    ends_at = session.opens_at + timedelta(minutes=at)
    close = D(price)
    row = Row(ends_at - TIMEFRAME_LENGTHS[timeframe], ends_at, close, close, close, close)
    return Bars.of("SPY", timeframe, [row], CALENDAR)


def chain(at: datetime, quoted: Mapping[str, Quoted], expiry: date = FAR, spot: str = "100") -> Chain:
    """All of one expiry."""
    quotes = []
    for short, (bid, ask, delta) in quoted.items():
        option = OptionSymbol.parse(name(short, expiry))
        quotes.append(
            ContractQuote(
                symbol=str(option),
                expiry=expiry,
                right=option.right,
                strike=option.strike,
                multiplier=D(100),
                bid=D(bid),
                ask=D(ask),
                quoted_at=at,
                delta=None if delta is None else D(delta),
            )
        )
    return Chain(underlying="SPY", bar_at=at, taken_at=at, spot=D(spot), quotes=tuple(quotes))


def holds(held: Mapping[str, tuple[str, str]], expiry: date = FAR) -> Standing:
    """Quantity and average entry by short name; SPY stands for the shares."""
    return Standing(
        held={
            "SPY" if short == "SPY" else name(short, expiry): Position(D(quantity), D(entry))
            for short, (quantity, entry) in held.items()
        }
    )


def decide(
    kind: str,
    config: Mapping[str, Any],
    held: Mapping[str, tuple[str, str]] | None = None,
    *,
    at: int = 30,
    session: Session = FULL,
    quoted: Mapping[str, Quoted] | None = None,
    expiry: date = FAR,
    held_expiry: date | None = None,
    timeframe: Timeframe = "1Min",
    without_chain: bool = False,
) -> Decision:
    """What a strategy decides with this held, and this market; one expiry for all, where the held one is not said."""
    bars = bar(at, session, timeframe)
    seen = None if without_chain else chain(bars.bar(-1).ends_at, MARKET if quoted is None else quoted, expiry)
    strategy = build(kind, {**config, "timeframe": timeframe}, ["SPY"])
    return evaluate(strategy, bars, holds(held or {}, held_expiry or expiry), Market(chain=seen))


def traded(order: PlannedOrder) -> dict[str, str]:
    """Each leg's intent by short name; SPY for the shares."""
    return {_short(leg.symbol): leg.position_intent for leg in order.legs}


def _short(symbol: str) -> str:
    if symbol == "SPY":
        return symbol
    option = OptionSymbol.parse(symbol)
    return f"{'P' if option.right == 'put' else 'C'}{option.strike.normalize():f}"
