"""What works at the simulated exchange, and how everything else has ended."""

from __future__ import annotations

from functions.backtest.book import Book
from functions.backtest.contingent import Contingents
from functions.backtest.orders import WorkingOrder
from functions.backtest.packages import WorkingPackage


class Register:
    """Every order id that was ever used: on a book, held for its parent, a package, or ended."""

    def __init__(self) -> None:
        self.contingents = Contingents()
        self.packages: dict[str, WorkingPackage] = {}
        self._books: dict[str, Book] = {}
        self._where: dict[str, str] = {}
        self._ended: dict[str, str] = {}

    def add(self, order: WorkingOrder) -> None:
        """Puts an order on the book of its symbol."""
        self._books.setdefault(order.new.symbol, Book()).add(order)
        self._where[order.new.order_id] = order.new.symbol

    def end(self, order_id: str, how: str) -> None:
        """Takes an order off, or notes how one ended that never got on."""
        if self.packages.pop(order_id, None) is None:
            if order_id in self._where:
                self._books[self._where.pop(order_id)].remove(order_id)
            elif self.contingents.held(order_id) is not None:
                self.contingents.let_go(order_id)
        self._ended[order_id] = how

    def book(self, symbol: str) -> Book:
        """The book of a symbol, empty where nothing was ever sent."""
        return self._books.setdefault(symbol, Book())

    def booked(self) -> list[WorkingOrder]:
        """Every order on a book, by its place in time."""
        return sorted((order for book in self._books.values() for order in book), key=lambda order: order.rank)

    def packages_with(self, symbol: str) -> list[WorkingPackage]:
        """The packages with a leg in a symbol, by their place in time."""
        return sorted(
            (one for one in self.packages.values() if any(leg.symbol == symbol for leg in one.new.legs)),
            key=lambda package: package.rank,
        )

    def symbols(self) -> set[str]:
        """What orders work in."""
        return {symbol for symbol, book in self._books.items() if len(book)} | {
            leg.symbol for package in self.packages.values() for leg in package.new.legs
        }

    def order(self, order_id: str) -> WorkingOrder | None:
        """The order of one leg, on a book or held; None where it is neither."""
        symbol = self._where.get(order_id)
        return self.contingents.held(order_id) if symbol is None else self._books[symbol].get(order_id)

    def is_booked(self, order_id: str) -> bool:
        return order_id in self._where

    def is_working(self, order_id: str) -> bool:
        """On a book, held, or a package."""
        return order_id in self._where or order_id in self.packages or self.contingents.held(order_id) is not None

    def is_known(self, order_id: str) -> bool:
        """Whether the id was ever used."""
        return self.is_working(order_id) or order_id in self._ended

    def ended(self, order_id: str) -> str | None:
        """How an order ended; None for one that works or was never known."""
        return self._ended.get(order_id)

    def why_not(self, order_id: str) -> str:
        """Why a request about an order cannot be carried out."""
        how = self._ended.get(order_id)
        return "the order is not known" if how is None else f"the order is already {how}"
