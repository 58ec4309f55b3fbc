"""What Alpaca checks against the account before it takes an order: shares at hand, shorting, buying power."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal

from functions.backtest.orders import NewOrder, Side
from functions.core.money import text
from local.simulators.alpaca import refusals
from local.simulators.alpaca.account_book import AccountBook
from local.simulators.alpaca.order_record import OrderRecord
from local.simulators.venue.prices import Prices


def held(book: AccountBook, open_orders: Sequence[OrderRecord], symbol: str) -> tuple[Decimal, list[str]]:
    """How much of a position working orders will close, and the ids of those orders."""
    quantity = book.position(symbol).quantity
    closing = [
        order
        for order in open_orders
        if order.new.symbol == symbol and quantity and (order.signed_remaining > 0) != (quantity > 0)
    ]
    return sum((order.remaining for order in closing), Decimal(0)), [order.id for order in closing]


def buying_power(book: AccountBook, open_orders: Sequence[OrderRecord], prices: Prices) -> Decimal:
    """What new exposure may still cost: equity times the multiplier, less exposure, less working orders that open."""
    working = sum((_cost(book, order.new, order.remaining, prices) for order in open_orders), Decimal(0))
    free = book.equity(prices) * book.settings.multiplier - book.exposure(prices) - working
    return max(free, Decimal(0))


def check(book: AccountBook, open_orders: Sequence[OrderRecord], new: NewOrder, prices: Prices) -> None:
    """Raises Refusal 403 where the account cannot carry the order.

    An order that goes against a position may close what is at hand and no more: going through zero takes two orders.
    """
    quantity = book.position(new.symbol).quantity
    buying = new.side is Side.BUY
    if quantity and (quantity > 0) != buying:
        held_quantity, related = held(book, open_orders, new.symbol)
        if new.quantity > abs(quantity) - held_quantity:
            raise refusals.insufficient_quantity(
                new.symbol, requested=new.quantity, existing=abs(quantity), held=held_quantity, related=related
            )
        return
    if not buying:
        if not book.settings.shorting:
            raise refusals.forbidden("account is not allowed to short")
        if new.quantity != new.quantity.to_integral_value():
            raise refusals.forbidden(f"fractional orders cannot be sold short, was {text(new.quantity)}")
    available = buying_power(book, open_orders, prices)
    cost = _cost(book, new, new.quantity, prices)
    if cost > available:
        raise refusals.insufficient_buying_power(available, cost)


def _cost(book: AccountBook, new: NewOrder, quantity: Decimal, prices: Prices) -> Decimal:
    """What an order adds to exposure; nothing for one that goes against the position."""
    position = book.position(new.symbol).quantity
    if position and (position > 0) != (new.side is Side.BUY):
        return Decimal(0)
    return quantity * _price(new, prices)


def _price(new: NewOrder, prices: Prices) -> Decimal:
    """The dearest price that the order is expected to trade at."""
    quote, mark = prices.quote(new.symbol), prices.mark(new.symbol)
    market = quote.ask if quote is not None else mark or Decimal(0)
    if new.limit is not None:
        return new.limit if new.side is Side.BUY else max(new.limit, market)
    return max(new.stop or Decimal(0), market) if new.side is Side.BUY else market
