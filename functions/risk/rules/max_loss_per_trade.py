"""What one trade may cost when its stop is hit, or at expiry."""

from __future__ import annotations

from decimal import Decimal

from functions.core.instruments import OptionSymbol
from functions.core.options.payoff import OptionUnits, largest_loss
from functions.risk.book import ZERO, Book, Package, ProposedOrder, net_of_marks
from functions.risk.capital import uncovered
from functions.risk.covering import free_shares
from functions.risk.limits import ALL_SCOPES, Limit, Limits
from functions.risk.rule import Verdict, allow, deny, rule


@rule(
    code="MAX_LOSS_PER_TRADE",
    unit="dollars",
    scopes=ALL_SCOPES,
    denials=("MISSING_MARK", "MISSING_STOP", "STOP_ON_WRONG_SIDE"),
)
def max_loss_per_trade(order: ProposedOrder, book: Book, limits: Limits) -> Verdict:
    """Quantity x distance from the price to the planned stop x multiplier stays within the limit.

    The price is the limit price, the mark for a market order, and for a stop order its stop price or the mark, the
    worse of the two. A buy without a planned stop can lose its whole notional. Of several legs, and of a put that is
    sold without a planned stop, it is the largest loss at expiry, with what was paid or received for it. What has no
    bound, a short sale or a call that is sold and covered neither by another leg nor by shares held, is denied.
    """
    limit = limits.tightest("max_loss_per_trade")
    if limit is None:
        return allow(limit="not set")
    stop = order.stop_loss_price
    price = order.limit_price
    if price is None:
        market = net_of_marks(order, book.marks)
        if isinstance(market, str):
            return deny("MISSING_MARK", symbol=market, mark="missing")
        price = market if order.several_legs else order.worst_price(abs(market))
    if order.several_legs or (stop is None and order.side == "sell"):
        paid = price if order.several_legs else -price
        return _at_expiry(order, book, paid, limit)
    distance = price if stop is None else price - stop if order.side == "buy" else stop - price
    if stop is not None and distance <= 0:
        return deny("STOP_ON_WRONG_SIDE", side=order.side, price=price, stop=stop)
    return _held(order.quantity * distance * order.multiplier, limit)


def _at_expiry(order: ProposedOrder, book: Book, paid: Decimal, limit: Limit) -> Verdict:
    """`paid` for a unit: below zero where it was received."""
    found = None
    if all(leg.kind == "option" for leg in order.legs):
        contracts = {leg.symbol: leg.sign * leg.quantity for leg in order.legs}
        found = _largest(contracts, order)
        if found is None:
            found = _largest(uncovered(contracts, free_shares(book), book.marks), order)
    if found is None:
        return deny("MISSING_STOP", loss="unbounded", limit=limit.value, scope=limit.scope)
    return _held(max(found + paid * order.quantity * order.multiplier, ZERO), limit)


def _largest(contracts: Package, order: ProposedOrder) -> Decimal | None:
    return largest_loss(
        OptionUnits.of(OptionSymbol.parse(symbol), quantity * order.multiplier)
        for symbol, quantity in contracts.items()
        if quantity != 0
    )


def _held(loss: Decimal, limit: Limit) -> Verdict:
    if loss > limit.value:
        return deny("MAX_LOSS_PER_TRADE", loss=loss, limit=limit.value, scope=limit.scope)
    return allow(loss=loss, limit=limit.value, scope=limit.scope)
