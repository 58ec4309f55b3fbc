"""All rules on one order: every rule speaks, the first deny in their order decides."""

from __future__ import annotations

from dataclasses import dataclass, replace
from decimal import Decimal

from functions.core.errors import BadInput
from functions.risk.book import Book, Limit, Limits, ProposedOrder, Scope
from functions.risk.rule import Rule, Verdict, allow, reduce
from functions.risk.rules.account_restricted import account_restricted
from functions.risk.rules.buying_power import buying_power
from functions.risk.rules.capital_limit import capital_limit
from functions.risk.rules.gate import gate
from functions.risk.rules.market_hours import market_hours
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
    buying_power,
    settled_cash,
)


@dataclass(frozen=True, slots=True)
class RuleDecision:
    """What one rule said: its own code, and its verdict with the numbers that it saw."""

    rule: str
    code: str
    verdict: Verdict


@dataclass(frozen=True, slots=True)
class Assessment:
    """The verdict on the order, and every rule's own. `quantity` is what may be sent: 0 for a deny."""

    verdict: Verdict
    decisions: tuple[RuleDecision, ...]
    quantity: Decimal


def assess(order: ProposedOrder, book: Book, limits: Limits) -> Assessment:
    """Judges an order with all rules.

    A rule that is for entries only lets an order pass that really only reduces. After a reduce the following rules see
    the smaller order. Pure: the same order, book and limits give the same assessment.
    """
    judged = order
    decisions: list[RuleDecision] = []
    for rule in RULES:
        if rule.entries_only and book.only_reduces(judged):
            verdict = allow(order="only reduces")
        else:
            verdict = rule(judged, book, limits)
        if verdict.to is not None:
            judged = replace(judged, quantity=verdict.to)
        decisions.append(RuleDecision(rule.name, rule.code, verdict))
    denied = next((decision.verdict for decision in decisions if decision.verdict.outcome == "deny"), None)
    if denied is not None:
        return Assessment(denied, tuple(decisions), Decimal(0))
    if judged.quantity < order.quantity:
        return Assessment(reduce(judged.quantity, quantity=order.quantity), tuple(decisions), judged.quantity)
    return Assessment(allow(), tuple(decisions), order.quantity)


def limit(name: str, scope: Scope, value: Decimal) -> Limit:
    """A limit as it may be set. Raises BadInput BAD_LIMIT naming the field, what was expected and what was found."""
    settable = {rule.name: rule for rule in RULES if rule.scopes}
    if name not in settable:
        raise BadInput("BAD_LIMIT", f"name: expected one of {', '.join(settable)}, was {name!r}", field="name")
    if scope not in settable[name].scopes:
        allowed = ", ".join(settable[name].scopes)
        raise BadInput("BAD_LIMIT", f"scope: expected one of {allowed}, was {scope!r}", field="scope")
    if not value.is_finite() or value < 0:
        raise BadInput("BAD_LIMIT", f"value: expected 0 or more {settable[name].unit}, was {value}", field="value")
    return Limit(name, scope, value)
