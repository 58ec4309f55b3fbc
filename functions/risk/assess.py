"""All rules on one order: every rule that is on speaks, the first deny in their order decides."""

from __future__ import annotations

from dataclasses import dataclass, replace
from decimal import Decimal
from functools import lru_cache

from functions.risk.book import ZERO, Book, ProposedOrder
from functions.risk.limits import Limit, Limits
from functions.risk.rule import ALLOWED, EXEMPT, Check, Rule, RuleDecision, Verdict, allow, reduce
from functions.risk.rules.account_restricted import account_restricted
from functions.risk.rules.blackout import blackout
from functions.risk.rules.blackout_days_before import blackout_days_before
from functions.risk.rules.buying_power import buying_power, power_of
from functions.risk.rules.capital_limit import at_work, capital_limit
from functions.risk.rules.consecutive_losses_guard import consecutive_losses_guard
from functions.risk.rules.cooldown import cooldown
from functions.risk.rules.day_trade_limit import day_trade_limit
from functions.risk.rules.drawdown_from_peak import drawdown_from_peak
from functions.risk.rules.drawdown_from_start import drawdown_from_start
from functions.risk.rules.duplicate_order import duplicate_order
from functions.risk.rules.ex_dividend_days import ex_dividend_days
from functions.risk.rules.gate import gate
from functions.risk.rules.last_minutes import last_minutes
from functions.risk.rules.low_profit_symbol import low_profit_symbol
from functions.risk.rules.margin_utilisation import margin_utilisation
from functions.risk.rules.market_hours import market_hours
from functions.risk.rules.max_daily_loss import max_daily_loss
from functions.risk.rules.max_drawdown_guard import max_drawdown_guard
from functions.risk.rules.max_loss_per_trade import max_loss_per_trade
from functions.risk.rules.max_spread import max_spread
from functions.risk.rules.min_open_interest import min_open_interest
from functions.risk.rules.min_volume import min_volume
from functions.risk.rules.net_delta_limit import net_delta_limit
from functions.risk.rules.net_gamma_limit import net_gamma_limit
from functions.risk.rules.net_vega_limit import net_vega_limit
from functions.risk.rules.open_positions_limit import open_positions_limit
from functions.risk.rules.options_level import options_level
from functions.risk.rules.order_churn_limit import order_churn_limit
from functions.risk.rules.order_quantity_limit import order_quantity_limit
from functions.risk.rules.order_rate_limit import order_rate_limit
from functions.risk.rules.overlapping_strikes import overlapping_strikes
from functions.risk.rules.package import package
from functions.risk.rules.position_limit import position_limit
from functions.risk.rules.price_collar import price_collar
from functions.risk.rules.quote_size import quote_size
from functions.risk.rules.reduce_only import reduce_only
from functions.risk.rules.sector_concentration import sector_concentration
from functions.risk.rules.settled_cash import settled_cash
from functions.risk.rules.shortable import shortable
from functions.risk.rules.stale_bars import stale_bars
from functions.risk.rules.stale_quote import stale_quote
from functions.risk.rules.stop_loss_guard import stop_loss_guard
from functions.risk.rules.symbol_concentration import symbol_concentration
from functions.risk.rules.trade_capital_limit import trade_capital_limit
from functions.risk.rules.uncovers import uncovers
from functions.risk.rules.undefined_risk import undefined_risk
from functions.risk.rules.wash_trade import wash_trade
from functions.risk.rules.zero_dte_cutoff import zero_dte_cutoff

RULES: tuple[Rule, ...] = (
    reduce_only,
    uncovers,
    gate,
    account_restricted,
    package,
    options_level,
    undefined_risk,
    shortable,
    market_hours,
    last_minutes,
    zero_dte_cutoff,
    blackout,
    blackout_days_before,
    ex_dividend_days,
    stale_quote,
    stale_bars,
    max_spread,
    quote_size,
    min_volume,
    min_open_interest,
    price_collar,
    position_limit,
    capital_limit,
    max_loss_per_trade,
    max_daily_loss,
    drawdown_from_peak,
    drawdown_from_start,
    buying_power,
    settled_cash,
    duplicate_order,
    wash_trade,
    order_rate_limit,
    order_churn_limit,
    order_quantity_limit,
    trade_capital_limit,
    open_positions_limit,
    overlapping_strikes,
    day_trade_limit,
    cooldown,
    stop_loss_guard,
    consecutive_losses_guard,
    max_drawdown_guard,
    low_profit_symbol,
    symbol_concentration,
    sector_concentration,
    margin_utilisation,
    net_delta_limit,
    net_gamma_limit,
    net_vega_limit,
)


OFF = "NOT_SET"
"""Under this code the record keeps which rules had no limit to hold the order to."""


@dataclass(slots=True)
class Assessment:
    """The verdict on the order, and every rule's own. `quantity` is what may be sent: 0 for a deny.

    `verdicts` are those of `rules`, one by one; `off` names the rules that were not asked, if any.
    """

    verdict: Verdict
    quantity: Decimal
    rules: tuple[Rule, ...]
    verdicts: list[Verdict]
    off: tuple[RuleDecision, ...]

    @property
    def decisions(self) -> tuple[RuleDecision, ...]:
        """Each rule's verdict under its name, in their order."""
        said = zip(self.rules, self.verdicts, strict=True)
        return (*(RuleDecision(rule.name, rule.code, verdict) for rule, verdict in said), *self.off)


def assess(order: ProposedOrder, book: Book, limits: Limits) -> Assessment:
    """Judges an order with all rules that are on.

    A rule that is for entries only lets an order pass that really only reduces. After a reduce the following rules see
    the smaller order. Pure: the same order, book and limits give the same assessment.
    """
    rules, checks, off = _on_and_off(limits.names)
    if not order.reduce_only:
        verdicts = [check(order, book, limits) for check in checks]
        denied = None
        for verdict in verdicts:
            if verdict.outcome != "allow":
                denied = verdict
                break
        if denied is None:
            return Assessment(ALLOWED, order.quantity, rules, verdicts, off)
        if not any(verdict.outcome == "reduce" for verdict in verdicts):
            return Assessment(denied, ZERO, rules, verdicts, off)
    return _one_by_one(order, book, limits, rules, off)


def prepare(book: Book, limits: Limits) -> Book:
    """The book, with what rules reckon of it alone. Not needed: the first rule that asks would make it."""
    for limit in limits.of("capital_limit"):
        if book.exposure(limit.scope) is not None:
            at_work(book, "account" if limit.scope == "symbol" else limit.scope)
    if book.account is not None and book.account.money is not None:
        power_of(book, book.account.money)
    return book


def _one_by_one(
    order: ProposedOrder, book: Book, limits: Limits, rules: tuple[Rule, ...], off: tuple[RuleDecision, ...]
) -> Assessment:
    """Where a rule may make the order smaller for those that follow, or some are not for it."""
    judged = order
    reduces = book.only_reduces(order)
    verdicts: list[Verdict] = []
    denied: Verdict | None = None
    for rule in rules:
        if reduces and rule.entries_only:
            verdicts.append(EXEMPT)
            continue
        verdict = rule.check(judged, book, limits)
        verdicts.append(verdict)
        if verdict.to is not None:
            judged = replace(judged, quantity=verdict.to)
            reduces = book.only_reduces(judged)
        elif denied is None and verdict.outcome == "deny":
            denied = verdict
    if denied is not None:
        return Assessment(denied, ZERO, rules, verdicts, off)
    if judged is not order:
        smaller = reduce(judged.quantity, quantity=order.quantity)
        return Assessment(smaller, judged.quantity, rules, verdicts, off)
    return Assessment(ALLOWED, order.quantity, rules, verdicts, off)


@lru_cache(maxsize=1024)
def _on_and_off(names: frozenset[str]) -> tuple[tuple[Rule, ...], tuple[Check, ...], tuple[RuleDecision, ...]]:
    """The rules that speak where these limits are set, and what is said of the others."""
    limits = Limits(Limit(name, "account", ZERO) for name in names)
    off = " ".join(rule.code for rule in RULES if not rule.is_on(limits))
    said = (RuleDecision("not_set", OFF, allow(rules=off)),) if off else ()
    on = tuple(rule for rule in RULES if rule.is_on(limits))
    return on, tuple(rule.check for rule in on), said
