"""Of the account that is kept, the facts that some limit asks for: on orders, on dates, on the whole portfolio."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Set
from dataclasses import replace
from decimal import Decimal
from typing import TYPE_CHECKING, Any, cast

from functions.backtest.account.days import Day
from functions.backtest.account.holdings import MANUAL
from functions.backtest.account.placed import Placed
from functions.core.instruments import OptionSymbol, is_option
from functions.core.ledger.book_market import BookMarket
from functions.core.ledger.book_portfolio import BookEquity, BookGreeks
from functions.risk.book import Book, Exposure, ProposedOrder
from functions.risk.facts.market import Dates
from functions.risk.facts.orders import OrderFacts, StrikeRange, SymbolsOpen, series_of
from functions.risk.limits import Limits, Scope
from functions.risk.reading_asked import PORTFOLIO_LIMITS, portfolio_of
from functions.risk.rules.order_rate_limit import WITHIN

if TYPE_CHECKING:
    from functions.backtest.account.running_book import RunningBook

_NO_DATES = Dates()
_DUPLICATES = Decimal(5)
_MOST = 500
"""As the ledger: of more open packages nothing is told, and the rule denies."""


def order_facts(kept: RunningBook, placed: Placed, limits: Limits, day: Day) -> OrderFacts:
    """What was ordered; a number that no limit needs is left out."""
    log, names, strategy = kept.log, limits.names, placed.strategy
    within = max((limit.value for limit in limits.of("duplicate_order")), default=_DUPLICATES)
    more: dict[str, Any] = {}
    if "order_rate_limit" in names:
        more["placed"] = _placed(kept, placed, limits)
    if "order_churn_limit" in names:
        scopes: set[Scope] = {_whose(limit.scope) for limit in limits.of("order_churn_limit")}
        more["entries"] = {scope: log.entries(scope, strategy, day) for scope in scopes}
    if "open_positions_limit" in names:
        more["symbols_open"] = {
            limit.scope: _symbols_open(placed.order, _open_in(kept, limit.scope, strategy))
            for limit in limits.of("open_positions_limit")
        }
    if "overlapping_strikes" in names:
        more["packages"] = _packages(kept, placed)
    if "day_trade_limit" in names:
        more["day_trades"] = kept.day_trades.count(day)
        looked = None if kept.account is None else kept.account.looked
        more["equity"] = None if looked is None else looked.equity
    return OrderFacts(since_equal=log.since_equal(placed, within), other_side=log.other_side(placed), **more)


def with_dates(order: ProposedOrder, day: Day) -> Dates:
    """When ordered options trade for the last time. Blackouts, earnings and ex-dividend dates are in no backtest."""
    options = [leg.symbol for leg in order.legs if leg.kind == "option"]
    if not options:
        return _NO_DATES
    known = {symbol: day.trades_until(symbol) for symbol in options}
    return Dates(trades_until={symbol: until for symbol, until in known.items() if until is not None})


def portfolio_facts(kept: RunningBook, book: Book, order: ProposedOrder, names: Set[str]) -> Book:
    """The book, with the facts of the portfolio where a limit asks for one of them."""
    if book.market is None or names.isdisjoint(PORTFOLIO_LIMITS):
        return book
    looked = None if kept.account is None else kept.account.looked
    equity = None
    if looked is not None and looked.equity is not None:
        equity = BookEquity.model_construct(
            equity=looked.equity, margin_requirement=looked.requirement, as_of=looked.as_of
        )
    symbols = {*kept.exposures.account.open, *(leg.symbol for leg in order.legs)}
    told = BookMarket.model_construct(
        equity=equity,
        sectors={symbol: _sector(kept, symbol) for symbol in symbols},
        greeks={symbol: _greeks(kept, symbol) for symbol in symbols if is_option(symbol)},
    )
    return replace(book, market=replace(book.market, portfolio=portfolio_of(book, order, told, names)))


def _whose(scope: Scope) -> Scope:
    return "account" if scope == "symbol" else scope


def _open_in(kept: RunningBook, scope: Scope, strategy: str | None) -> Exposure:
    if scope == "strategy" and strategy is not None:
        return kept.exposures.of(strategy).open
    return kept.exposures.account.open


def _placed(kept: RunningBook, placed: Placed, limits: Limits) -> dict[tuple[Scope, Decimal], Decimal]:
    found: dict[tuple[Scope, Decimal], Decimal] = {}
    for limit in limits.of("order_rate_limit"):
        within = limit.parameter(WITHIN)
        count = kept.log.placed_within(limit.scope, placed.strategy, within, placed.order.event_time)
        # Counted no further than it matters, as the ledger does.
        found[limit.scope, within] = Decimal(min(count, int(limit.value) + 1))
    return found


def _symbols_open(order: ProposedOrder, exposure: Exposure) -> SymbolsOpen:
    added = sum(leg.symbol not in exposure for leg in order.legs)
    return SymbolsOpen(Decimal(len(exposure) + added), Decimal(added))


def _packages(kept: RunningBook, placed: Placed) -> dict[str, tuple[StrikeRange, ...]] | None:
    """What each order opened in options of the order's roots and expiries, held or working."""
    ordered = {series_of(leg.symbol)[:-1] for leg in placed.order.legs if leg.kind == "option"}
    if not ordered:
        return {}
    owner = placed.strategy or MANUAL
    strikes: dict[tuple[str, str], list[Decimal]] = defaultdict(list)
    own: set[str] = set()
    for package, whose, symbol in kept.options_open():
        series = series_of(symbol)
        if series[:-1] in ordered:
            strikes[package, series].append(OptionSymbol.parse(symbol).strike)
            if whose == owner:
                own.add(package)
    if len(strikes) > _MOST:
        return None
    found: dict[str, list[StrikeRange]] = defaultdict(list)
    for (package, series), at in sorted(strikes.items()):
        found[series].append(StrikeRange(package, min(at), max(at), package in own))
    return {series: tuple(ranges) for series, ranges in found.items()}


def _sector(kept: RunningBook, symbol: str) -> str | None:
    found = kept.sectors.get(symbol)
    return kept.sectors.get(OptionSymbol.parse(symbol).root) if found is None and is_option(symbol) else found


def _greeks(kept: RunningBook, symbol: str) -> BookGreeks:
    """What it takes to reckon them; by whom they are told, where they are, is not kept."""
    option = OptionSymbol.parse(symbol)
    quote, mark, spot = kept.quotes.get(symbol), kept.marks.get(symbol), kept.marks.get(option.root)
    priced = mark if quote is None else quote.mark
    return BookGreeks.model_construct(
        right=cast("str", option.right),
        strike=option.strike,
        expires_on=option.expiry,
        price=None if priced is None else priced.price,
        priced_at=None if priced is None else priced.quoted_at,
        delta=None,
        gamma=None,
        vega=None,
        spot=None if spot is None else spot.price,
        spot_at=None if spot is None else spot.quoted_at,
    )
