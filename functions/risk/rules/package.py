"""Orders of several legs that can be judged as one."""

from __future__ import annotations

from collections.abc import Iterable

from functions.core.instruments import OptionSymbol
from functions.risk.book import Book, ProposedOrder
from functions.risk.limits import Limits
from functions.risk.rule import Verdict, allow, deny, rule


@rule(code="MULTI_LEG_NOT_JUDGED", unit="legs", scopes=())
def package(order: ProposedOrder, book: Book, limits: Limits) -> Verdict:
    """Every leg of an order of several is an option of one root and one multiplier.

    Only then has the net price one meaning, and the largest loss a number. Place others alone.
    """
    if not order.several_legs:
        return allow(legs="1")
    if any(leg.kind != "option" for leg in order.legs):
        return deny("MULTI_LEG_NOT_JUDGED", kinds=_list(leg.kind for leg in order.legs))
    roots = {OptionSymbol.parse(leg.symbol).root for leg in order.legs}
    if len(roots) > 1:
        return deny("MULTI_LEG_NOT_JUDGED", roots=_list(roots))
    multipliers = {leg.multiplier for leg in order.legs}
    if len(multipliers) > 1:
        return deny("MULTI_LEG_NOT_JUDGED", multipliers=_list(f"{one:f}" for one in multipliers))
    return allow(legs=len(order.legs))


def _list(values: Iterable[str]) -> str:
    return ",".join(sorted(set(values)))
