"""What the account is approved for in options."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal

from functions.core.instruments import OptionRight, OptionSymbol
from functions.core.options.payoff import OptionUnits, largest_loss
from functions.risk.account import AccountFacts
from functions.risk.book import ZERO, Book, ProposedLeg, ProposedOrder
from functions.risk.covering import assignment, free_shares, held_options, lacking
from functions.risk.limits import Limits
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
    is covered by options that are bought with it, or held and free. 4: anything else that is sold to open. Shares and
    cash that cover what was sold before cover nothing else; what is bought covers one that is sold, and expires on the
    same day or before. Legs that close need none.
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
        return deny("OPTIONS_LEVEL", needed=needed, level=has)
    return allow(needed=needed, level=has)


def _to_sell(order: ProposedOrder, book: Book, account: AccountFacts) -> int:
    """The level of an order that sells something to open."""
    legs = [leg for leg in order.legs if leg.kind == "option"]
    if _covers({leg.symbol: leg.sign * leg.quantity for leg in legs if not leg.closes}, order):
        return _SPREADS
    roots = {OptionSymbol.parse(leg.symbol).root for leg in legs}
    held = {
        name: count
        for name, count in held_options(book.exposure("account") or {}).items()
        if OptionSymbol.parse(name).root in roots
    }
    ordered = {leg.symbol: leg.sign * leg.quantity for leg in legs}
    together = {name: held.get(name, ZERO) + ordered.get(name, ZERO) for name in held | ordered}
    needed = {
        _level(leg.right, legs, book, account, held, together)
        for leg in legs
        if leg.side == "sell" and not leg.closes and leg.right is not None
    }
    return max(needed)


def _level(
    right: OptionRight,
    legs: Sequence[ProposedLeg],
    book: Book,
    account: AccountFacts,
    held: dict[str, Decimal],
    together: dict[str, Decimal],
) -> int:
    """The level that selling puts, or calls, needs: what covers them, now that they are there too."""
    before, after = lacking(held, right), lacking(together, right)
    if all(after[root] <= before.get(root, ZERO) for root in after) and _paired(together, right) > _paired(held, right):
        return _SPREADS
    if right == "call":
        # What was sold before has its cover already: only what is left of the shares covers this.
        free, size = free_shares(book), legs[0].multiplier
        more = {root: (count - before.get(root, ZERO)) * size for root, count in after.items()}
        enough = all(free.get(root, ZERO) >= units for root, units in more.items())
        return _COVERED if enough else _UNCOVERED
    money = account.money
    cash = ZERO if money is None else money.cash + money.moved - money.spent
    # What is sold on another root takes of the same cash.
    everything = held_options(book.exposure("account") or {}) | together
    secured = assignment([everything, *book.working_packages("account")]) <= cash
    return _COVERED if secured and all(leg.right == "put" for leg in legs) else _UNCOVERED


def _paired(contracts: dict[str, Decimal], right: OptionRight) -> Decimal:
    """How many that are sold are covered by what is bought."""
    sold = sum(
        (-count for name, count in contracts.items() if count < 0 and OptionSymbol.parse(name).right == right), ZERO
    )
    return sold - sum(lacking(contracts, right).values(), ZERO)


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
