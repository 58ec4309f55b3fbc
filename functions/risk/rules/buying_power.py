"""Whether the broker would let the account pay for it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from decimal import Decimal

from functions.core.instruments import is_option
from functions.risk.account import BrokerMoney
from functions.risk.book import NOTHING_OPEN, ZERO, Book, Exposure, Mark, Package, ProposedOrder
from functions.risk.capital import UnknownMark, marks_of, of_options, of_others
from functions.risk.covering import after_shares
from functions.risk.limits import Limits
from functions.risk.rule import Verdict, allow, deny, rule


@rule(
    code="BUYING_POWER",
    unit="dollars",
    scopes=(),
    denials=("MISSING_BUYING_POWER", "MISSING_EXPOSURE", "MISSING_MARK"),
)
def buying_power(order: ProposedOrder, book: Book, limits: Limits) -> Verdict:
    """What the order takes is within the broker's own buying power, less what was opened since it was told.

    The broker's word is the last of before the session opened, or of its linking. Since then is counted: what all that
    is open takes now, working orders included, less what took its share then; and deposits and withdrawals. Shares take
    what they cost at the mark, or at the order's own limit or stop where that is more; options what they keep at work,
    as for capital_limit, only that held shares cover a call. One dollar of options takes as many of buying power as the
    broker gives for one. The broker has the last word: this keeps an order from being sent that it would refuse.
    """
    if book.account is None:
        return allow(account="nothing entered")
    money, exposure = book.account.money, book.exposure("account")
    if exposure is None:
        return deny("MISSING_EXPOSURE", scope="account")
    trades_options = any(leg.kind == "option" for leg in order.legs)
    if money is None or money.buying_power is None or (trades_options and money.options_buying_power is None):
        return deny("MISSING_BUYING_POWER", buying_power="missing")
    marks = marks_of(order, book, order.worst_price)
    try:
        then = _taken(*_marked(money, marks), marks)
        exposure, working = _weighed(exposure, book.working_packages("account"), money, marks)
        before = _taken(exposure, working, marks)
        after = _after(order, exposure, working, marks)
    except UnknownMark as unknown:
        return deny("MISSING_MARK", symbol=str(unknown), mark="missing")
    rate = _rate(money)
    takes = _in_power(after, rate) - _in_power(before, rate)
    left = money.buying_power + money.moved * rate - (_in_power(before, rate) - _in_power(then, rate))
    if takes > 0 and takes > left:
        return deny("BUYING_POWER", takes=takes, left=left, told=money.buying_power, as_of=money.as_of.isoformat())
    return allow(takes=takes, left=left, told=money.buying_power, as_of=money.as_of.isoformat())


def _after(
    order: ProposedOrder, exposure: Exposure, working: Iterable[Package], marks: Mapping[str, Mark]
) -> tuple[Decimal, Decimal]:
    """As `_taken`, with the order filled. An order that may not fill makes no room."""
    ordered = dict(exposure)
    for leg in order.legs:
        if leg.kind != "option":
            ordered[leg.symbol] = ordered.get(leg.symbol, NOTHING_OPEN).with_leg(leg)
    added = {leg.symbol: leg.sign * leg.quantity for leg in order.legs if leg.kind == "option"}
    shares, without = _taken(exposure, working, marks)
    _, together = _taken(exposure, working, marks, added)
    return max(shares, of_others(ordered, marks)), max(without, together)


def _taken(
    exposure: Exposure,
    working: Iterable[Package],
    marks: Mapping[str, Mark],
    added: Package | None = None,
) -> tuple[Decimal, Decimal]:
    """What is open takes: in shares, and in options, dollars."""
    more = added or {}
    held = {name: found.position for name, found in exposure.items() if is_option(name)}
    shares = {name: found.position - found.to_sell for name, found in exposure.items()}
    together = {name: held.get(name, ZERO) + more.get(name, ZERO) for name in held | dict(more)}
    options = of_options(after_shares(together, shares, marks), marks)
    waiting = sum((of_options(after_shares(package, shares, marks), marks) for package in working), ZERO)
    return of_others(exposure, marks), options + waiting


def _weighed(
    exposure: Exposure, working: Iterable[Package], money: BrokerMoney, marks: Mapping[str, Mark]
) -> tuple[Exposure, list[Package]]:
    """What is open now, without what was open then as it is now and has no mark: it takes as much as it did."""
    now = {name: found for name, found in exposure.items() if name in marks or found != money.then.get(name)}
    return now, [one for one in working if one.keys() <= marks.keys() or one not in money.packages_then]


def _marked(money: BrokerMoney, marks: Mapping[str, Mark]) -> tuple[Exposure, tuple[Package, ...]]:
    """What was open when the broker spoke; what nobody has a mark of any more gives nothing back."""
    packages = tuple(package for package in money.packages_then if package.keys() <= marks.keys())
    return {name: found for name, found in money.then.items() if name in marks}, packages


def _rate(money: BrokerMoney) -> Decimal:
    """How much buying power stands behind one dollar that has no leverage."""
    if not money.options_buying_power or not money.buying_power or money.options_buying_power <= 0:
        return Decimal(1)
    return max(money.buying_power / money.options_buying_power, Decimal(1))


def _in_power(taken: tuple[Decimal, Decimal], rate: Decimal) -> Decimal:
    shares, options = taken
    return shares + options * rate
