"""All rules on one order: every rule that is on speaks, the first deny in their order decides."""

from __future__ import annotations

from dataclasses import dataclass, replace
from decimal import Decimal

from functions.risk.book import Book, ProposedOrder
from functions.risk.limits import Limits
from functions.risk.rule import Rule, Verdict, allow, reduce
from functions.risk.rules.account_restricted import account_restricted
from functions.risk.rules.buying_power import buying_power
from functions.risk.rules.capital_limit import capital_limit
from functions.risk.rules.drawdown_from_peak import drawdown_from_peak
from functions.risk.rules.drawdown_from_start import drawdown_from_start
from functions.risk.rules.gate import gate
from functions.risk.rules.market_hours import market_hours
from functions.risk.rules.max_daily_loss import max_daily_loss
from functions.risk.rules.max_loss_per_trade import max_loss_per_trade
from functions.risk.rules.options_level import options_level
from functions.risk.rules.package import package
from functions.risk.rules.position_limit import position_limit
from functions.risk.rules.price_sanity import price_sanity
from functions.risk.rules.reduce_only import reduce_only
from functions.risk.rules.settled_cash import settled_cash
from functions.risk.rules.shortable import shortable
from functions.risk.rules.stale_quote import stale_quote

RULES: tuple[Rule, ...] = (
    reduce_only,
    gate,
    account_restricted,
    package,
    options_level,
    shortable,
    market_hours,
    stale_quote,
    price_sanity,
    position_limit,
    capital_limit,
    max_loss_per_trade,
    max_daily_loss,
    drawdown_from_peak,
    drawdown_from_start,
    buying_power,
    settled_cash,
)


OFF = "NOT_SET"
"""Under this code the record keeps which rules had no limit to hold the order to."""
_ONLY_REDUCES = allow(order="only reduces")


@dataclass(slots=True)
class RuleDecision:
    """What one rule said: its own code, and its verdict with the numbers that it saw."""

    rule: str
    code: str
    verdict: Verdict


@dataclass(slots=True)
class Assessment:
    """The verdict on the order, and every rule's own. `quantity` is what may be sent: 0 for a deny.

    The last decision names the rules that were off, if any were.
    """

    verdict: Verdict
    decisions: tuple[RuleDecision, ...]
    quantity: Decimal


def assess(order: ProposedOrder, book: Book, limits: Limits) -> Assessment:
    """Judges an order with all rules that are on.

    A rule that is for entries only lets an order pass that really only reduces. After a reduce the following rules see
    the smaller order. Pure: the same order, book and limits give the same assessment.
    """
    judged = order
    reduces = book.only_reduces(order)
    decisions: list[RuleDecision] = []
    denied: Verdict | None = None
    off: list[str] = []
    for rule in RULES:
        if not rule.is_on(limits):
            off.append(rule.code)
            continue
        verdict = _ONLY_REDUCES if reduces and rule.entries_only else rule.check(judged, book, limits)
        if verdict.to is not None:
            judged = replace(judged, quantity=verdict.to)
            reduces = book.only_reduces(judged)
        elif denied is None and verdict.outcome == "deny":
            denied = verdict
        decisions.append(RuleDecision(rule.kind.name, rule.code, verdict))
    if off:
        decisions.append(RuleDecision("not_set", OFF, allow(rules=" ".join(off))))
    if denied is not None:
        return Assessment(denied, tuple(decisions), Decimal(0))
    if judged.quantity < order.quantity:
        return Assessment(reduce(judged.quantity, quantity=order.quantity), tuple(decisions), judged.quantity)
    return Assessment(allow(), tuple(decisions), order.quantity)
