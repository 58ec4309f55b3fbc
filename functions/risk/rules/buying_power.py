"""Whether the broker would let the account pay for it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal

from functions.core.instruments import is_option
from functions.risk.account import BrokerMoney
from functions.risk.book import NOTHING_OPEN, ZERO, Book, Exposure, Mark, Package, ProposedOrder
from functions.risk.capital import UnknownMark, marks_of, of_options, of_others
from functions.risk.covering import after_shares
from functions.risk.limits import Limits
from functions.risk.roots import EMPTY, Root, Sum, by_root, root_of, roots_in, roots_of
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
    if money is None or money.buying_power is None:
        return deny("MISSING_BUYING_POWER", buying_power="missing")
    for leg in order.legs:
        if leg.kind == "option" and money.options_buying_power is None:
            return deny("MISSING_BUYING_POWER", buying_power="missing")
    power = power_of(book, money)
    touched = roots_of(order)
    takes = ZERO
    opened = power.since.without(touched)
    if isinstance(opened, str):
        return deny("MISSING_MARK", symbol=opened, mark="missing")
    try:
        for name in touched:
            before, after, then = _of_root(order, name, book, money, power.rate)
            takes += after - before
            opened += before - then
    except UnknownMark as unknown:
        return deny("MISSING_MARK", symbol=str(unknown), mark="missing")
    left = power.told - opened
    if takes > 0 and takes > left:
        return deny("BUYING_POWER", takes=takes, left=left, told=money.buying_power, as_of=money.as_of)
    return allow(takes=takes, left=left, told=money.buying_power, as_of=money.as_of)


def power_of(book: Book, money: BrokerMoney) -> _Power:
    """The buying power of a book without any order. Reckoned once for a book."""
    return book.once("buying power", lambda: _power(book, money))


@dataclass(slots=True)
class _Power:
    """Of a book, without any order: what the broker told and what was deposited since; what is taken more than then.

    `rate` is how much buying power one dollar of options takes.
    """

    told: Decimal
    rate: Decimal
    since: Sum


def _power(book: Book, money: BrokerMoney) -> _Power:
    rate = _rate(money)
    now_by_root, then_by_root = roots_in(book, "account"), _roots_then(book, money)
    since: dict[str, Decimal] = {}
    unknown: dict[str, str] = {}
    for name in now_by_root.keys() | then_by_root.keys():
        try:
            earlier = then_by_root.get(name, EMPTY)
            then = _in_power(_taken(*_marked(earlier, book.marks), book.marks), rate)
            here = _weighed(now_by_root.get(name, EMPTY), earlier, book.marks)
            since[name] = _in_power(_taken(*here, book.marks), rate) - then
        except UnknownMark as mark:
            unknown[name] = str(mark)
    told = (money.buying_power or ZERO) + money.moved * rate
    return _Power(told, rate, Sum(since, unknown, sum(since.values(), ZERO)))


def _roots_then(book: Book, money: BrokerMoney) -> dict[str, Root]:
    return book.once("roots then", lambda: by_root(money.then, money.packages_then))


def _of_root(
    order: ProposedOrder, name: str, book: Book, money: BrokerMoney, rate: Decimal
) -> tuple[Decimal, Decimal, Decimal]:
    """Buying power taken of one root: without the order, with it, and when the broker spoke. Raises UnknownMark."""
    root, earlier = roots_in(book, "account").get(name, EMPTY), _roots_then(book, money).get(name, EMPTY)
    leg = order.legs[0]
    if len(order.legs) == 1 and leg.kind != "option" and not root.has_options and not earlier.has_options:
        mark = book.marks.get(leg.symbol)
        if mark is None:
            raise UnknownMark(leg.symbol)
        unit = max(mark.price, order.worst_price(mark.price)) * mark.multiplier
        held = root.exposure.get(leg.symbol, NOTHING_OPEN)
        was = earlier.exposure.get(leg.symbol, NOTHING_OPEN)
        before = held.worst
        return before * unit, held.worst_with(leg) * unit, before * unit if was == held else was.worst * unit
    marks = marks_of(order, book, order.worst_price)
    then = _in_power(_taken(*_marked(earlier, marks), marks), rate)
    exposure, working = _weighed(root, earlier, marks)
    before = _in_power(_taken(exposure, working, marks), rate)
    return before, _in_power(_after(order, name, exposure, working, marks), rate), then


def _after(
    order: ProposedOrder, name: str, exposure: Exposure, working: Sequence[Package], marks: Mapping[str, Mark]
) -> tuple[Decimal, Decimal]:
    """As `_taken`, with the order's legs of the root filled. An order that may not fill makes no room."""
    ordered = dict(exposure)
    legs = [leg for leg in order.legs if root_of(leg.symbol) == name]
    for leg in legs:
        if leg.kind != "option":
            ordered[leg.symbol] = ordered.get(leg.symbol, NOTHING_OPEN).with_leg(leg)
    added = {leg.symbol: leg.sign * leg.quantity for leg in legs if leg.kind == "option"}
    shares, without = _taken(exposure, working, marks)
    _, together = _taken(exposure, working, marks, added)
    return max(shares, of_others(ordered, marks)), max(without, together)


def _taken(
    exposure: Exposure,
    working: Sequence[Package],
    marks: Mapping[str, Mark],
    added: Package | None = None,
) -> tuple[Decimal, Decimal]:
    """What is open takes: in shares, and in options, dollars."""
    more = added or {}
    held = {name: found.position for name, found in exposure.items() if is_option(name)}
    if not (held or more or working):
        # Mostly there are only shares.
        return of_others(exposure, marks), ZERO
    shares = {name: found.position - found.to_sell for name, found in exposure.items()}
    together = {name: held.get(name, ZERO) + more.get(name, ZERO) for name in held | dict(more)}
    options = of_options(after_shares(together, shares, marks), marks)
    waiting = sum((of_options(after_shares(package, shares, marks), marks) for package in working), ZERO)
    return of_others(exposure, marks), options + waiting


def _weighed(root: Root, then: Root, marks: Mapping[str, Mark]) -> tuple[Exposure, Sequence[Package]]:
    """What is open now, without what was open then as it is now and has no mark: it takes as much as it did."""
    if root.exposure.keys() <= marks.keys() and not root.packages:
        return root.exposure, ()
    now = {name: found for name, found in root.exposure.items() if name in marks or found != then.exposure.get(name)}
    return now, [one for one in root.packages if one.keys() <= marks.keys() or one not in then.packages]


def _marked(then: Root, marks: Mapping[str, Mark]) -> tuple[Exposure, Sequence[Package]]:
    """What was open when the broker spoke; what nobody has a mark of any more gives nothing back."""
    packages = [package for package in then.packages if package.keys() <= marks.keys()]
    return {name: found for name, found in then.exposure.items() if name in marks}, packages


def _rate(money: BrokerMoney) -> Decimal:
    """How much buying power stands behind one dollar that has no leverage."""
    if not money.options_buying_power or not money.buying_power or money.options_buying_power <= 0:
        return Decimal(1)
    return max(money.buying_power / money.options_buying_power, Decimal(1))


def _in_power(taken: tuple[Decimal, Decimal], rate: Decimal) -> Decimal:
    shares, options = taken
    return shares + options * rate
