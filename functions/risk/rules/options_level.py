"""What the account is approved for in options."""

from __future__ import annotations

from decimal import Decimal

from functions.core.instruments import OptionSymbol, is_option
from functions.core.options.payoff import OptionUnits, largest_loss
from functions.risk.account import AccountFacts
from functions.risk.book import ZERO, Book, Limits, ProposedOrder
from functions.risk.capital import uncovered
from functions.risk.rule import Verdict, allow, deny, rule

_COVERED, _LONG, _SPREADS, _UNCOVERED = 1, 2, 3, 4


@rule(
    code="OPTIONS_LEVEL",
    unit="level 0 to 4",
    scopes=(),
    denials=("MISSING_ACCOUNT_RULES", "MISSING_EXPOSURE"),
)
def options_level(order: ProposedOrder, book: Book, limits: Limits) -> Verdict:
    """The account has the level that the order needs.

    1: a call that held shares cover, or a put whose strike the cash pays. 2: options that are bought. 3: what is sold
    is covered by options that are bought with it, or held and free. 4: anything else that is sold to open. What sold
    calls need already is covered by nothing else. Legs that close need none.
    """
    opening = [leg for leg in order.legs if leg.kind == "option" and not leg.closes]
    if book.account is None or not opening:
        return allow(options="nothing entered" if opening else "none opened")
    if book.account.rules is None:
        return deny("MISSING_ACCOUNT_RULES", rules="missing")
    has = book.account.rules.options_level
    if book.exposure("account") is None:
        return deny("MISSING_EXPOSURE", scope="account")
    needed = _LONG if all(leg.side == "buy" for leg in opening) else _to_sell(order, book, book.account)
    if needed > has:
        return deny("OPTIONS_LEVEL", needed=str(needed), level=str(has))
    return allow(needed=str(needed), level=str(has))


def _to_sell(order: ProposedOrder, book: Book, account: AccountFacts) -> int:
    """The level of an order that sells something to open."""
    exposure = book.exposure("account") or {}
    legs = [leg for leg in order.legs if leg.kind == "option"]
    if _covers({leg.symbol: leg.sign * leg.quantity for leg in legs if not leg.closes}, order):
        return _SPREADS
    roots = {OptionSymbol.parse(leg.symbol).root for leg in legs}
    # Nothing is free that is being sold.
    free = {name: found.position - found.to_sell for name, found in exposure.items()}
    held = {name: count for name, count in free.items() if is_option(name) and OptionSymbol.parse(name).root in roots}
    ordered = {leg.symbol: leg.sign * leg.quantity for leg in legs}
    together = {name: held.get(name, ZERO) + ordered.get(name, ZERO) for name in held | ordered}
    # What was sold before has its cover already: only what is left of the shares covers this.
    if _same(uncovered(together, dict(free), book.marks), uncovered(held, dict(free), book.marks)):
        return _COVERED
    if _covers(together, order):
        return _SPREADS
    money = account.money
    cash = ZERO if money is None else money.cash + money.moved - money.spent
    if all(leg.right == "put" for leg in legs) and _assignment(together) <= cash:
        return _COVERED
    return _UNCOVERED


def _covers(contracts: dict[str, Decimal], order: ProposedOrder) -> bool:
    """Whether what is sold among these is covered by what is bought, contract by contract, puts and calls apart."""
    size = order.legs[0].multiplier
    for right in ("call", "put"):
        parts = [(OptionSymbol.parse(symbol), quantity) for symbol, quantity in contracts.items()]
        # A put is covered as a call is: looked at as calls, so that what is sold beyond what is held has no bound.
        units = [
            OptionUnits(part.root, part.expiry, "call", part.strike, quantity * size)
            for part, quantity in parts
            if part.right == right and quantity != 0
        ]
        if units and largest_loss(units) is None:
            return False
    return True


def _assignment(contracts: dict[str, Decimal]) -> Decimal:
    """What all puts that are sold would cost if they were assigned."""
    parts = [(OptionSymbol.parse(symbol), quantity) for symbol, quantity in contracts.items() if quantity < 0]
    return sum((part.strike * -quantity * 100 for part, quantity in parts if part.right == "put"), ZERO)


def _same(one: dict[str, Decimal], other: dict[str, Decimal]) -> bool:
    return all(one.get(name, ZERO) == other.get(name, ZERO) for name in one | other)
