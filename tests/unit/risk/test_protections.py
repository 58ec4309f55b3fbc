"""The protections: just inside, just outside, with their input missing, by scope, and that an exit passes."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from functions.risk.assess import assess
from functions.risk.book import Book, OpenQuantity, ProposedLeg, ProposedOrder
from functions.risk.facts.closed import ClosedBy, ClosedTrade, ClosedTrades, Closings, moment
from functions.risk.limits import Limit, Limits, Scope
from functions.risk.rule import Rule, Verdict
from functions.risk.rules.consecutive_losses_guard import consecutive_losses_guard
from functions.risk.rules.cooldown import cooldown
from functions.risk.rules.low_profit_symbol import low_profit_symbol
from functions.risk.rules.max_drawdown_guard import max_drawdown_guard
from functions.risk.rules.stop_loss_guard import stop_loss_guard

D = Decimal
Orders = Callable[..., ProposedOrder]
Books = Callable[..., Book]
NOON = datetime(2026, 1, 5, 17, 0, tzinfo=UTC)
INSTANT = timedelta(microseconds=1)
PROTECTIONS = (cooldown, stop_loss_guard, consecutive_losses_guard, max_drawdown_guard, low_profit_symbol)
MINE, OTHER = "mine", "other"


def ago(minutes: float, pnl: str = "-10", by: ClosedBy = "stop", symbol: str = "SPY", owner: str = MINE) -> ClosedTrade:
    """A trade that was closed so many minutes before noon."""
    return ClosedTrade(symbol, owner, NOON - timedelta(minutes=minutes), D(pnl), D(100), None, by)


def facts(*trades: ClosedTrade, since: datetime | None = None) -> ClosedTrades:
    """What is known at noon of an account on which the order is of the strategy "mine"."""
    return ClosedTrades(
        at=moment(NOON),
        account=Closings(trades),
        strategy=Closings(trade for trade in trades if trade.strategy == MINE),
        complete_since=None if since is None else moment(since),
    )


def limits(rule: Rule, value: str, scope: Scope = "account", symbol: str | None = None, **parameters: str) -> Limits:
    given = {name: D(number) for name, number in parameters.items()}
    return Limits((Limit(rule.name, scope, D(value), symbol, given),))


def said(verdict: Verdict) -> str:
    return verdict.code or verdict.outcome


# --- all of them --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("rule", PROTECTIONS, ids=lambda rule: rule.name)
def test_protection_when_closed_trades_are_not_known_then_it_denies(order: Orders, book: Books, rule: Rule) -> None:
    assert said(rule(order(), book(), limits(rule, "5"))) == "MISSING_CLOSED_TRADES"
    of_no_strategy = book(closed=ClosedTrades(at=moment(NOON), account=Closings()))
    assert said(rule(order(), of_no_strategy, limits(rule, "5", "strategy"))) == "MISSING_CLOSED_TRADES"
    assert said(rule(order(), of_no_strategy, limits(rule, "5"))) == "allow"


@pytest.mark.parametrize("rule", PROTECTIONS[1:], ids=lambda rule: rule.name)
def test_protection_when_older_trades_are_left_out_that_it_would_count_then_it_denies(
    order: Orders, book: Books, rule: Rule
) -> None:
    held = limits(rule, "0", within_minutes="60", pause_minutes="30")
    reaches = facts(ago(100, "10", "signal"), since=NOON - timedelta(minutes=90))
    short = facts(ago(100, "10", "signal"), since=NOON - timedelta(minutes=90) + INSTANT)
    assert said(rule(order(), book(closed=reaches), held)) == "allow"
    assert said(rule(order(), book(closed=short), held)) == "MISSING_CLOSED_TRADES"


@pytest.mark.parametrize("rule", PROTECTIONS, ids=lambda rule: rule.name)
def test_protection_when_the_order_only_reduces_then_it_passes(order: Orders, book: Books, rule: Rule) -> None:
    closed = facts(ago(2), ago(1))
    value = "60" if rule is cooldown else "0"
    held = limits(rule, value)
    out = order(side="sell", reduce_only=True)
    long = book(OpenQuantity(D(100)), closed=closed)
    assert said(rule(order(), long, held)) == rule.code
    outcome = {decision.rule: said(decision.verdict) for decision in assess(out, long, held).decisions}
    assert outcome[rule.name] == "allow"


@pytest.mark.parametrize("rule", PROTECTIONS, ids=lambda rule: rule.name)
def test_protection_when_it_denies_then_it_says_until_when(order: Orders, book: Books, rule: Rule) -> None:
    parameters: dict[str, Any] = {} if rule is cooldown else {"pause_minutes": "30"}
    held = limits(rule, "30" if rule is cooldown else "0", **parameters)
    verdict = rule(order(), book(closed=facts(ago(20), ago(10))), held)
    assert verdict.text.startswith(f"{rule.code}: ")
    assert verdict.numbers["until"] == "2026-01-05T17:20:00+00:00"
    exact = rule(order(), book(closed=facts(ago(40), ago(30))), held)
    almost = rule(order(), book(closed=facts(ago(40), ago(30 - 1 / 60))), held)
    assert (said(exact), said(almost)) == ("allow", rule.code)


@pytest.mark.parametrize("rule", PROTECTIONS, ids=lambda rule: rule.name)
def test_protection_when_a_limit_lasts_for_ever_then_it_is_judged_all_the_same(
    order: Orders, book: Books, rule: Rule
) -> None:
    huge = "99999999999999999"
    parameters: dict[str, Any] = {} if rule is cooldown else {"pause_minutes": huge, "within_minutes": huge}
    held = limits(rule, huge if rule is cooldown else "0", **parameters)
    assert said(rule(order(), book(closed=facts(ago(2), ago(1))), held)) == rule.code


@pytest.mark.parametrize("rule", PROTECTIONS, ids=lambda rule: rule.name)
def test_protection_when_another_strategy_has_lost_then_the_account_pauses_and_this_strategy_not(
    order: Orders, book: Books, rule: Rule
) -> None:
    value = "60" if rule is cooldown else "0"
    closed = book(closed=facts(ago(2, owner=OTHER), ago(1, owner=OTHER)))
    assert said(rule(order(), closed, limits(rule, value))) == rule.code
    assert said(rule(order(), closed, limits(rule, value, "user"))) == rule.code
    assert said(rule(order(), closed, limits(rule, value, "strategy"))) == "allow"
    mine = book(closed=facts(ago(2), ago(1)))
    assert said(rule(order(), mine, limits(rule, value, "strategy"))) == rule.code


@pytest.mark.parametrize("rule", PROTECTIONS, ids=lambda rule: rule.name)
def test_protection_when_the_limit_is_on_a_symbol_then_only_its_trades_count(
    order: Orders, book: Books, rule: Rule
) -> None:
    held = limits(rule, "60" if rule is cooldown else "0", "symbol", "SPY")
    assert said(rule(order(), book(closed=facts(ago(2, symbol="IWM"), ago(1, symbol="IWM"))), held)) == "allow"
    assert said(rule(order(), book(closed=facts(ago(2), ago(1, symbol="IWM"), ago(1))), held)) == rule.code


@pytest.mark.parametrize(
    "rule", [stop_loss_guard, consecutive_losses_guard, max_drawdown_guard], ids=lambda rule: rule.name
)
def test_protection_when_the_limit_is_on_no_symbol_then_every_symbol_counts(
    order: Orders, book: Books, rule: Rule
) -> None:
    closed = book(closed=facts(ago(2, symbol="IWM"), ago(1, symbol="QQQ")))
    assert said(rule(order(), closed, limits(rule, "1"))) == rule.code


def test_protection_when_an_option_is_ordered_then_its_underlying_counts(book: Books) -> None:
    call = ProposedLeg(
        symbol="SPY260116C00100000",
        side="buy",
        position_intent="buy_to_open",
        quantity=D(1),
        multiplier=D(100),
        kind="option",
        underlying="SPY",
        right="call",
        strike=D(100),
        expiry=date(2026, 1, 16),
    )
    order = ProposedOrder(symbol=call.symbol, side="buy", quantity=D(1), event_time=NOON, legs=(call,))
    assert said(cooldown(order, book(closed=facts(ago(5))), limits(cooldown, "10"))) == "COOLDOWN"
    assert said(cooldown(order, book(closed=facts(ago(5, symbol="IWM"))), limits(cooldown, "10"))) == "allow"


def test_protection_when_two_limits_apply_then_each_looks_at_its_own(order: Orders, book: Books) -> None:
    # The looser number of the strategy looks further back: it is broken where the tighter one is not.
    strict = Limit("stop_loss_guard", "account", D(0), None, {"pause_minutes": D(5)})
    loose = Limit("stop_loss_guard", "strategy", D(1), None, {"pause_minutes": D(60)})
    verdict = stop_loss_guard(order(), book(closed=facts(ago(20), ago(10))), Limits((strict, loose)))
    assert verdict.text.startswith("STOP_LOSS_GUARD: ")
    assert verdict.numbers["scope"] == "strategy"


# --- stop_loss_guard ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("stops", "outcome"), [(2, "allow"), (3, "STOP_LOSS_GUARD")])
def test_stop_loss_guard_when_one_stop_more_than_allowed_then_it_pauses(
    order: Orders, book: Books, stops: int, outcome: str
) -> None:
    closed = facts(*(ago(30 - number) for number in range(stops)))
    assert said(stop_loss_guard(order(), book(closed=closed), limits(stop_loss_guard, "2"))) == outcome


@pytest.mark.parametrize(("first", "outcome"), [(40 + 1 / 60, "allow"), (40, "allow"), (39.99, "STOP_LOSS_GUARD")])
def test_stop_loss_guard_when_the_stops_are_this_far_apart_then_the_window_ends_with_each_stop(
    order: Orders, book: Books, first: float, outcome: str
) -> None:
    held = limits(stop_loss_guard, "1", within_minutes="30", pause_minutes="60")
    assert said(stop_loss_guard(order(), book(closed=facts(ago(first), ago(10))), held)) == outcome


@pytest.mark.parametrize(
    ("pnl", "by", "outcome"),
    [
        ("-1", "stop", "STOP_LOSS_GUARD"),
        ("-1", "trail", "STOP_LOSS_GUARD"),
        ("1", "trail", "allow"),
        ("0", "stop", "allow"),
        ("-1", "target", "allow"),
        ("-1", "signal", "allow"),
        ("-1", "manual", "allow"),
    ],
)
def test_stop_loss_guard_when_closed_by_this_then_only_losing_stops_count(
    order: Orders, book: Books, pnl: str, by: ClosedBy, outcome: str
) -> None:
    closed = book(closed=facts(ago(10, pnl, by)))
    assert said(stop_loss_guard(order(), closed, limits(stop_loss_guard, "0"))) == outcome


def test_stop_loss_guard_when_a_later_stop_is_alone_then_the_earlier_pause_still_holds(
    order: Orders, book: Books
) -> None:
    held = limits(stop_loss_guard, "1", within_minutes="5", pause_minutes="60")
    verdict = stop_loss_guard(order(), book(closed=facts(ago(42), ago(40), ago(10))), held)
    assert verdict.numbers["until"] == "2026-01-05T17:20:00+00:00"


# --- consecutive_losses_guard -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("results", "outcome"),
    [
        (("-1", "-1"), "allow"),
        (("-1", "-1", "-1"), "CONSECUTIVE_LOSSES_GUARD"),
        (("-1", "-1", "0", "-1", "-1"), "allow"),
        (("1", "-1", "-1", "-1"), "CONSECUTIVE_LOSSES_GUARD"),
        # The row was broken, and the pause that it began goes on.
        (("-1", "-1", "-1", "1"), "CONSECUTIVE_LOSSES_GUARD"),
    ],
)
def test_consecutive_losses_guard_when_so_many_lose_in_a_row_then_it_pauses(
    order: Orders, book: Books, results: tuple[str, ...], outcome: str
) -> None:
    closed = facts(*(ago(30 - number, result, "signal") for number, result in enumerate(results)))
    held = limits(consecutive_losses_guard, "2")
    assert said(consecutive_losses_guard(order(), book(closed=closed), held)) == outcome


@pytest.mark.parametrize(("first", "outcome"), [(40, "allow"), (39.99, "CONSECUTIVE_LOSSES_GUARD")])
def test_consecutive_losses_guard_when_the_losses_are_far_apart_then_they_are_no_row(
    order: Orders, book: Books, first: float, outcome: str
) -> None:
    held = limits(consecutive_losses_guard, "1", within_minutes="30")
    assert said(consecutive_losses_guard(order(), book(closed=facts(ago(first), ago(10))), held)) == outcome


def test_consecutive_losses_guard_when_a_long_row_is_over_then_later_losses_are_counted_anew(
    order: Orders, book: Books
) -> None:
    row = [ago(200), ago(190), ago(180)]
    after = [ago(30, "5", "target"), ago(20), ago(15, "5", "target"), ago(10)]
    held = limits(consecutive_losses_guard, "1", pause_minutes="60")
    assert said(consecutive_losses_guard(order(), book(closed=facts(*row, *after)), held)) == "allow"


# --- max_drawdown_guard -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("lost", "outcome"), [("-100", "allow"), ("-100.01", "MAX_DRAWDOWN_GUARD")])
def test_max_drawdown_guard_when_a_cent_deeper_than_allowed_then_it_pauses(
    order: Orders, book: Books, lost: str, outcome: str
) -> None:
    closed = book(closed=facts(ago(30, "500"), ago(20, lost, "signal")))
    assert said(max_drawdown_guard(order(), closed, limits(max_drawdown_guard, "100"))) == outcome


def test_max_drawdown_guard_when_it_recovers_between_then_the_fall_from_the_peak_counts(
    order: Orders, book: Books
) -> None:
    closed = book(closed=facts(ago(30, "-80"), ago(25, "50"), ago(20, "-80")))
    verdict = max_drawdown_guard(order(), closed, limits(max_drawdown_guard, "100"))
    assert verdict.numbers["fall"] == D(110)


def test_max_drawdown_guard_when_part_of_the_fall_is_too_old_then_it_is_not_counted(order: Orders, book: Books) -> None:
    held = limits(max_drawdown_guard, "100", within_minutes="30")
    inside = book(closed=facts(ago(39.99, "-80"), ago(10, "-80")))
    outside = book(closed=facts(ago(40, "-80"), ago(10, "-80")))
    assert said(max_drawdown_guard(order(), inside, held)) == "MAX_DRAWDOWN_GUARD"
    assert said(max_drawdown_guard(order(), outside, held)) == "allow"
    exactly = book(closed=facts(ago(40, "-80"), ago(10, "-100")))
    assert said(max_drawdown_guard(order(), exactly, held)) == "allow"


def test_max_drawdown_guard_when_a_win_follows_then_the_pause_of_the_fall_goes_on(order: Orders, book: Books) -> None:
    closed = book(closed=facts(ago(30, "-101"), ago(10, "500")))
    verdict = max_drawdown_guard(order(), closed, limits(max_drawdown_guard, "100", pause_minutes="60"))
    assert verdict.numbers["until"] == "2026-01-05T17:30:00+00:00"


# --- low_profit_symbol --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("second", "outcome"), [("10", "allow"), ("9.99", "LOW_PROFIT_SYMBOL")])
def test_low_profit_symbol_when_a_cent_less_than_asked_then_it_pauses(
    order: Orders, book: Books, second: str, outcome: str
) -> None:
    closed = book(closed=facts(ago(30, "40", "signal"), ago(20, second, "signal"), ago(10, "-900", symbol="IWM")))
    assert said(low_profit_symbol(order(), closed, limits(low_profit_symbol, "50"))) == outcome


def test_low_profit_symbol_when_too_few_were_closed_then_it_says_nothing(order: Orders, book: Books) -> None:
    held = limits(low_profit_symbol, "0", trades="3")
    two, three = facts(ago(30), ago(20)), facts(ago(30), ago(20), ago(10))
    assert said(low_profit_symbol(order(), book(closed=two), held)) == "allow"
    assert said(low_profit_symbol(order(), book(closed=three), held)) == "LOW_PROFIT_SYMBOL"


def test_low_profit_symbol_when_the_losses_are_too_old_then_they_are_not_counted(order: Orders, book: Books) -> None:
    held = limits(low_profit_symbol, "0", within_minutes="30", trades="1")
    inside = facts(ago(39.99, "-80"), ago(10, "50"))
    outside = facts(ago(40, "-80"), ago(10, "50"))
    assert said(low_profit_symbol(order(), book(closed=inside), held)) == "LOW_PROFIT_SYMBOL"
    assert said(low_profit_symbol(order(), book(closed=outside), held)) == "allow"


def test_low_profit_symbol_when_two_limits_are_set_then_the_higher_is_the_stricter() -> None:
    both = Limits(
        (Limit("low_profit_symbol", "account", D(5)), Limit("low_profit_symbol", "strategy", D(50))),
        {"low_profit_symbol": low_profit_symbol.kind.tighter, "cooldown": cooldown.kind.tighter},
    )
    strictest = both.tightest("low_profit_symbol")
    assert strictest is not None
    assert strictest.value == D(50)


# --- the facts ----------------------------------------------------------------------------------------------------


def test_closings_when_a_trade_comes_out_of_order_then_it_is_refused() -> None:
    with pytest.raises(ValueError, match="came late"):
        Closings((ago(10), ago(20)))


def test_closings_when_they_grow_one_by_one_then_as_if_made_at_once() -> None:
    trades = [ago(40, "5", "target"), ago(30), ago(20, "-3", "signal", "IWM"), ago(10, "9", "trail")]
    grown = Closings()
    for trade in trades:
        grown.add(trade)
    made = Closings(trades)
    for name in ("times", "stops", "sums", "falls", "losing", "deepest", "longest"):
        assert getattr(grown, name) == getattr(made, name)
    assert grown.by_symbol["IWM"].losing == [1]
    assert grown.sums[-1] == D(1)
