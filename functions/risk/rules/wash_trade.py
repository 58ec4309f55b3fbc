"""Nobody trades with themselves."""

from __future__ import annotations

from decimal import Decimal

from functions.risk.book import Book, ProposedOrder, Side
from functions.risk.facts.orders import OtherSide, RestingOrder
from functions.risk.limits import ALL_SCOPES, Limit, Limits
from functions.risk.rule import ALLOWED, Verdict, deny, rule

_DEFAULT = Decimal("0.5")
_PERCENT = Decimal("0.01")
_WITHOUT = Limit("wash_trade", "account", _DEFAULT)


@rule(
    code="WASH_TRADE",
    unit="percent of the mark",
    scopes=ALL_SCOPES,
    default=_DEFAULT,
    tighter="higher",
    denials=("MISSING_WORKING_ORDERS", "MISSING_MARK"),
)
def wash_trade(order: ProposedOrder, book: Book, limits: Limits) -> Verdict:
    """An entry cannot trade with a working order of the same user, on whatever account of theirs.

    Two limit orders meet where the one that buys names at least what the other asks. A market order, and a stop that
    the mark has passed, takes what rests within the limit, a percentage of the mark, beyond the mark; two that take
    what is there do not meet. A stop that was not triggered is in no market: what protects a position, or takes its
    profit further away, does not keep it from being added to. Orders of several legs trade as packages and are left
    out. A trade with oneself moves no ownership and shows a market that is none (FINRA rule 5210, supplementary
    material .02); brokers refuse it.
    """
    facts = book.orders
    if facts is None or facts.other_side is None:
        return deny("MISSING_WORKING_ORDERS", orders="missing")
    if not facts.other_side or order.several_legs:
        return ALLOWED
    other = facts.other_side.get(order.symbol)
    if other is None:
        return ALLOWED
    limit = limits.tightest("wash_trade") or _WITHOUT
    mark = book.marks.get(order.symbol)
    if mark is None:
        return deny("MISSING_MARK", symbol=order.symbol, mark="missing")
    met = _met(order, other, mark.price, mark.price * limit.value * _PERCENT)
    return ALLOWED if met is None else _denied(order, met, mark.price, limit)


def _met(order: ProposedOrder, other: OtherSide, mark: Decimal, reach: Decimal) -> RestingOrder | None:
    """The working order that this one would trade with. `reach` is how far beyond the mark one at market goes."""
    price = order.limit_price
    if not _is_triggered(order.side, order.stop_price, mark) or order.order_type == "trailing_stop":
        return None
    taken = price if price is not None else _beyond(order.side, mark, reach)
    for resting in (other.nearest, *other.stop_limits):
        if resting is None or resting.price is None or not _is_triggered(_other(order.side), resting.stop_price, mark):
            continue
        if _meets(order.side, taken, resting.price):
            return resting
    # What goes at market on the other side would find this one, where it rests within its reach.
    if price is not None and other.at_market is not None and _meets(order.side, price, _short_of(order, mark, reach)):
        return other.at_market
    return None


def _is_triggered(side: Side, stop: Decimal | None, mark: Decimal) -> bool:
    """Whether it is in the market: it has no stop, or the mark has come to it."""
    return stop is None or (mark >= stop if side == "buy" else mark <= stop)


def _meets(side: Side, price: Decimal, resting: Decimal) -> bool:
    return price >= resting if side == "buy" else price <= resting


def _beyond(side: Side, mark: Decimal, reach: Decimal) -> Decimal:
    return mark + reach if side == "buy" else mark - reach


def _short_of(order: ProposedOrder, mark: Decimal, reach: Decimal) -> Decimal:
    return _beyond(_other(order.side), mark, reach)


def _other(side: Side) -> Side:
    return "sell" if side == "buy" else "buy"


def _denied(order: ProposedOrder, met: RestingOrder, mark: Decimal, limit: Limit) -> Verdict:
    return deny(
        "WASH_TRADE",
        symbol=order.symbol,
        working_order=met.trade,
        price="market" if met.price is None else met.price,
        mark=mark,
        reach_percent=limit.value,
    )
