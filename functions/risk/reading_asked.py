"""The facts of the portfolio, those that a limit asks for: they take the whole book."""

from __future__ import annotations

from collections.abc import Callable, Set
from dataclasses import replace

from functions.core.ledger.book_market import BookMarket
from functions.core.ledger.judging import RiskBook
from functions.risk.book import Book, ProposedOrder
from functions.risk.facts.portfolio import PortfolioFacts
from functions.risk.limits import Scope
from functions.risk.reading_greeks import Unit, net_greeks
from functions.risk.reading_portfolio import held_of, money_of
from functions.risk.roots import root_of

_GREEKS = ("net_delta_limit", "net_gamma_limit", "net_vega_limit")
_SHARES = ("symbol_concentration", "sector_concentration")
_EQUITY = (*_SHARES, "margin_utilisation")
PORTFOLIO_LIMITS = (*_EQUITY, *_GREEKS)
_SCOPES: tuple[Scope, ...] = ("account", "strategy")


def with_portfolio(book: Book, found: RiskBook, order_of: Callable[[RiskBook], ProposedOrder]) -> Book:
    """The book, with the facts of the portfolio where a limit asks for one of them."""
    names = {limit.name for limit in found.limits}
    if book.market is None or names.isdisjoint(PORTFOLIO_LIMITS):
        return book
    portfolio = portfolio_of(book, order_of(found), found.market, names)
    return replace(book, market=replace(book.market, portfolio=portfolio))


def portfolio_of(book: Book, order: ProposedOrder, told: BookMarket, names: Set[str]) -> PortfolioFacts:
    """What the limits of these names ask for."""
    facts = PortfolioFacts(
        quantity=order.quantity, underlying=root_of(order.symbol), sector=told.sectors.get(order.symbol)
    )
    scopes = {scope: book.exposures[scope] for scope in _SCOPES if scope in book.exposures}
    if not names.isdisjoint(_EQUITY) and told.equity is not None:
        facts.money = money_of(order, book, told.equity)
    if not names.isdisjoint(_SHARES):
        facts.held = {
            scope: held_of(order, book, exposure, book.working_packages(scope), told.sectors)
            for scope, exposure in scopes.items()
        }
    if not names.isdisjoint(_GREEKS):
        known: dict[str, Unit] = {}
        facts.greeks = {
            scope: net_greeks(order, book, exposure, told.greeks, known) for scope, exposure in scopes.items()
        }
    return facts
