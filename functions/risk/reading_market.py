"""From the ledger's answer to what the rules know of the market."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, date, datetime

from functions.core.errors import BadInput
from functions.core.instruments import OptionSymbol
from functions.core.ledger.book_market import BookDates, BookTurnover
from functions.core.ledger.judging import BookLeg, RiskBook
from functions.core.market_calendar import Calendar, Session
from functions.core.options.expiry import expiry_of
from functions.risk.facts.market import Blackout, Dates, MarketFacts, Quote, Turnover


def market_of(found: RiskBook, quotes: Mapping[str, Quote], sessions: tuple[Session, ...] | None) -> MarketFacts:
    """The facts of one book; `quotes` are each ordered symbol's newest, read beside it."""
    said, dates = found.market, found.market.dates
    return MarketFacts(
        buying_back=said.buying_back,
        quotes=quotes,
        turnover=None if said.turnover is None or dates is None else _turnover(said.turnover, dates.today),
        dates=None if dates is None else _dates(dates, found.legs, sessions or ()),
        bars_until=None if said.bars is None else {name: ended.astimezone(UTC) for name, ended in said.bars.items()},
    )


def _turnover(row: BookTurnover, today: date) -> Turnover:
    return Turnover(
        daily_volume=row.daily_volume,
        open_interest={symbol: (seen.contracts, (today - seen.on).days) for symbol, seen in row.open_interest.items()},
    )


def _dates(row: BookDates, legs: list[BookLeg], sessions: tuple[Session, ...]) -> Dates:
    return Dates(
        blackouts=tuple(Blackout(each.kind, each.symbol, each.until_date, each.reason) for each in row.blackouts),
        days_to_earnings=_days_to(row.earnings, row.today),
        days_to_ex_dividend=_days_to(row.ex_dividends, row.today),
        trades_until=_trades_until(legs, sessions),
    )


def _days_to(dates: Mapping[str, date | None], today: date) -> dict[str, int | None]:
    return {symbol: None if day is None else (day - today).days for symbol, day in dates.items()}


def _trades_until(legs: list[BookLeg], sessions: tuple[Session, ...]) -> dict[str, datetime]:
    """When each option trades for the last time; one that the calendar does not reach yet is left out."""
    options = [leg.symbol for leg in legs if leg.kind == "option"]
    if not options:
        return {}
    calendar = Calendar(sessions)
    found: dict[str, datetime] = {}
    for symbol in options:
        try:
            found[symbol] = expiry_of(OptionSymbol.parse(symbol), calendar).trades_until
        except BadInput:
            continue
    return found
