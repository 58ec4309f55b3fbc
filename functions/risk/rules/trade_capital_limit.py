"""How much money one order may put to work."""

from __future__ import annotations

from decimal import Decimal

from functions.core.options.payoff import OptionUnits, capital_at_work
from functions.risk.book import ZERO, Book, ProposedLeg, ProposedOrder, net_of_marks
from functions.risk.capital import UnknownMark, uncovered
from functions.risk.covering import free_shares
from functions.risk.limits import ALL_SCOPES, Limits
from functions.risk.rule import Verdict, allow, deny, rule


@rule(code="TRADE_CAPITAL", unit="dollars", scopes=ALL_SCOPES, denials=("MISSING_MARK",))
def trade_capital_limit(order: ProposedOrder, book: Book, limits: Limits) -> Verdict:
    """What this one order puts to work at its worst price stays within the limit; what is open does not count.

    A buy takes its limit price, else the mark, or its stop where that is more; a sell the mark, or its limit where that
    is more. Options that are bought take the premium. What is sold of them takes, alone or as a package, what it
    could lose from the order's own price on, as for `capital_limit`: a credit spread its width less the credit, an
    uncovered put its strike less the premium, an uncovered call as if the underlying came to twice its strike, a call
    that held shares cover nothing.
    """
    capital: Decimal | None = None
    seen = None
    for limit in limits.of("trade_capital_limit"):
        if limit.symbol is not None and not any(limit.counts(leg.symbol) for leg in order.legs):
            continue
        if capital is None:
            try:
                capital = _capital(order, book)
            except UnknownMark as unknown:
                return deny("MISSING_MARK", symbol=str(unknown), mark="missing")
        if capital > limit.value:
            return deny("TRADE_CAPITAL", capital=capital, limit=limit.value, scope=limit.scope)
        if seen is None:
            seen = allow(capital=capital, limit=limit.value, scope=limit.scope)
    return allow(limit="not set") if seen is None else seen


def _capital(order: ProposedOrder, book: Book) -> Decimal:
    """Dollars. Raises UnknownMark."""
    if order.several_legs or order.legs[0].kind == "option":
        return _of_options(order, book)
    price, mark = order.limit_price, book.marks.get(order.symbol)
    if price is None or order.side == "sell":
        if mark is None:
            raise UnknownMark(order.symbol)
        price = max(mark.price, order.worst_price(mark.price))
    return order.quantity * price * order.multiplier


def _of_options(order: ProposedOrder, book: Book) -> Decimal:
    several, price = order.several_legs, order.limit_price
    market = net_of_marks(order, book.marks)
    if price is not None and all(leg.side == "buy" for leg in order.legs):
        return max(price, ZERO) * order.quantity * order.multiplier
    if isinstance(market, str):
        raise UnknownMark(market)
    if price is None:
        paid = market if several else order.legs[0].sign * order.worst_price(abs(market))
    else:
        paid = price if several else order.legs[0].sign * price
    if any(leg.kind != "option" for leg in order.legs):
        # Refused as a package: what it holds, without what one leg may cover of another.
        return sum((leg.quantity * book.marks[leg.symbol].price * leg.multiplier for leg in order.legs), ZERO)
    left = {leg.symbol: leg.sign * leg.quantity for leg in order.legs}
    if any(leg.right == "call" and leg.side == "sell" for leg in order.legs):
        left = uncovered(left, free_shares(book), book.marks)
    units = [_units(leg, left[leg.symbol], book) for leg in order.legs if left[leg.symbol]]
    if not units:
        return ZERO
    return max(capital_at_work(units) + (paid - market) * order.quantity * order.multiplier, ZERO)


def _units(leg: ProposedLeg, contracts: Decimal, book: Book) -> OptionUnits:
    assert leg.expiry and leg.right and leg.strike  # noqa: S101, PT018 - an option's leg has its terms
    price = book.marks[leg.symbol].price
    return OptionUnits(leg.symbol[:-15], leg.expiry, leg.right, leg.strike, contracts * leg.multiplier, price)
