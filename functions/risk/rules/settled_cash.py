"""A cash account pays with settled money."""

from __future__ import annotations

from decimal import Decimal

from functions.risk.account import BrokerMoney
from functions.risk.book import NOTHING_OPEN, ZERO, Book, ProposedOrder, net_of_marks
from functions.risk.limits import Limits
from functions.risk.rule import Verdict, allow, deny, rule


@rule(
    code="UNSETTLED_CASH",
    unit="dollars",
    scopes=(),
    denials=("MISSING_SETTLED_CASH", "MISSING_MARK"),
)
def settled_cash(order: ProposedOrder, book: Book, limits: Limits) -> Verdict:
    """A cash account buys with what was settled before the session opened, less what was bought since.

    What is sold in the session settles on the next day (T+1, SEC rule 15c6-1), so it pays for nothing today: to buy
    with it and to sell before it settles would be a good-faith violation (Regulation T, 220.8). Where the broker does
    not say what is settled it is the cash of before the open: what was sold the day before settles today. Margin
    accounts are not asked.
    """
    if book.account is None:
        return allow(account="nothing entered")
    rules, money = book.account.rules, book.account.money
    if rules is None or rules.is_margin is not False:
        return allow(account="not a cash account")
    if all(leg.side == "sell" for leg in order.legs):
        return allow(buys="0")
    if money is None:
        return deny("MISSING_SETTLED_CASH", settled="missing")
    settled = money.cash if money.settled_cash is None else money.settled_cash
    costs, waiting = _costs(order, book), _waiting(book, money)
    for found in (costs, waiting):
        if isinstance(found, str):
            return deny("MISSING_MARK", symbol=found, mark="missing")
    left = settled + money.moved - money.spent - Decimal(waiting)
    if Decimal(costs) > left:
        return deny("UNSETTLED_CASH", costs=costs, settled_left=left, settled=settled, spent=money.spent)
    return allow(costs=costs, settled_left=left)


def _costs(order: ProposedOrder, book: Book) -> Decimal | str:
    """What the order pays, dollars; or the first symbol without a mark."""
    market = net_of_marks(order, book.marks)
    if order.several_legs:
        price = market if order.limit_price is None else order.limit_price
        return price if isinstance(price, str) else max(price, ZERO) * order.quantity * order.multiplier
    if isinstance(market, str):
        return market
    return order.quantity * max(market, order.worst_price(market)) * order.multiplier


def _waiting(book: Book, money: BrokerMoney) -> Decimal | str:
    """What working buys that were placed since will pay, dollars; or the first symbol without a mark."""
    total = ZERO
    for symbol, found in (book.exposure("account") or {}).items():
        since = found.to_buy - money.then.get(symbol, NOTHING_OPEN).to_buy
        mark = book.marks.get(symbol)
        if since > 0 and mark is None:
            return symbol
        if since > 0 and mark is not None:
            total += since * mark.price * mark.multiplier
    return total
