"""All rules together: order of deciding, exits that pass, limits that hold over any sequence."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from functions.core.errors import BadInput
from functions.core.market_calendar import Session
from functions.risk import rules
from functions.risk.assess import RULES, assess
from functions.risk.book import Book, Gate, Mark, OpenQuantity, ProposedOrder, Side
from functions.risk.facts.orders import OrderFacts
from functions.risk.limit_kinds import limit
from functions.risk.limits import Limit, Limits, Scope
from functions.risk.rule import reduce, rule

D = Decimal
Orders = Callable[..., ProposedOrder]
Books = Callable[..., Book]
NOON = datetime(2026, 1, 5, 17, 0, tzinfo=UTC)
STRICT = Limits(
    (
        Limit("position_limit", "account", D(0)),
        Limit("capital_limit", "account", D(0)),
        Limit("max_loss_per_trade", "account", D(0)),
    )
)


def test_assess_when_nothing_is_against_it_then_every_rule_is_recorded(order: Orders, book: Books) -> None:
    found = assess(order(), book(), Limits())
    assert (found.verdict.outcome, found.quantity) == ("allow", D(100))
    *spoke, off = found.decisions
    on = [rule.name for rule in RULES if rule.is_on(Limits())]
    assert [decision.rule for decision in spoke] == on
    assert (off.code, off.verdict.outcome) == ("NOT_SET", "allow")
    assert str(off.verdict.numbers["rules"]).split() == [rule.code for rule in RULES if rule.name not in on]


def test_assess_when_several_rules_deny_then_the_first_decides_and_all_are_recorded(order: Orders, book: Books) -> None:
    found = assess(order(), book(closed_gates=(Gate("user", "halt"),), marks={}), STRICT)
    denied = [decision.verdict.code for decision in found.decisions if decision.verdict.outcome == "deny"]
    assert denied == ["GATE_CLOSED", "MISSING_QUOTE", "POSITION_LIMIT", "MISSING_MARK", "MISSING_MARK"]
    assert (found.verdict.code, found.quantity) == ("GATE_CLOSED", D(0))


def test_assess_when_the_order_only_reduces_then_gates_limits_and_missing_marks_do_not_hold_it(
    order: Orders, book: Books
) -> None:
    held = book(spy=OpenQuantity(D(100)), closed_gates=None, marks={})
    found = assess(order(side="sell", reduce_only=True), held, STRICT)
    assert found.verdict.outcome == "allow"


def test_assess_when_an_order_only_claims_to_reduce_then_it_is_denied(order: Orders, book: Books) -> None:
    found = assess(order(side="sell", reduce_only=True), book(closed_gates=(Gate("global", "halt"),)), Limits())
    assert found.verdict.code == "NOTHING_TO_REDUCE"


def test_assess_when_a_reducing_order_is_too_large_then_it_is_cut_and_passes_as_an_exit(
    order: Orders, book: Books
) -> None:
    held = book(spy=OpenQuantity(D(60)), closed_gates=(Gate("account", "halt"),))
    found = assess(order(side="sell", reduce_only=True), held, STRICT)
    assert (found.verdict.outcome, found.verdict.to, found.quantity) == ("reduce", D(60), D(60))


def test_assess_when_run_twice_then_the_answer_is_equal(order: Orders, book: Books) -> None:
    assert assess(order(), book(), STRICT) == assess(order(), book(), STRICT)


EVENTS = st.lists(
    st.tuples(
        st.sampled_from(["order", "fill", "cancel"]),
        st.sampled_from(["SPY", "IWM"]),
        st.sampled_from(["buy", "sell"]),
        st.integers(1, 70),
        st.booleans(),
    ),
    min_size=1,
    max_size=30,
)


@settings(max_examples=150, deadline=None)
@given(EVENTS, st.integers(0, 120), st.integers(0, 20_000))
def test_assess_when_any_sequence_is_approved_then_no_fill_order_exceeds_a_limit(
    events: list[tuple[str, str, Side, int, bool]], quantity_limit: int, capital: int
) -> None:
    prices = {"SPY": D(100), "IWM": D("55.5")}
    open_now = {symbol: OpenQuantity() for symbol in prices}
    limits = Limits(
        (Limit("position_limit", "account", D(quantity_limit)), Limit("capital_limit", "account", D(capital)))
    )
    for what, symbol, side, amount, promise in events:
        before = open_now[symbol]
        if what == "order":
            book = Book(
                {"account": dict(open_now)},
                {name: Mark(price, NOON) for name, price in prices.items()},
                (Session.in_new_york(date(2026, 1, 5)),),
                (),
                orders=OrderFacts(),
            )
            order = ProposedOrder(
                symbol=symbol, side=side, quantity=D(amount), event_time=NOON, reduce_only=promise, stop_loss_price=None
            )
            allowed = assess(order, book, limits).quantity
            if allowed:
                open_now[symbol] = before.with_leg(replace(order, quantity=allowed).legs[0])
        elif side == "buy":
            part = min(D(amount), before.to_buy)
            filled = part if what == "fill" else D(0)
            open_now[symbol] = OpenQuantity(before.position + filled, before.to_buy - part, before.to_sell)
        else:
            part = min(D(amount), before.to_sell)
            filled = part if what == "fill" else D(0)
            open_now[symbol] = OpenQuantity(before.position - filled, before.to_buy, before.to_sell - part)
        assert all(abs(state.position) <= quantity_limit for state in open_now.values())
        assert sum(abs(state.position) * prices[name] for name, state in open_now.items()) <= capital


def test_rules_when_a_file_is_in_the_folder_then_its_rule_is_in_the_order_once() -> None:
    folder = Path(rules.__path__[0])
    files = {path.stem for path in folder.glob("*.py")} - {"__init__"}
    assert sorted(files) == sorted(rule.name for rule in RULES)
    assert len({rule.code for rule in RULES}) == len(RULES)


def test_limit_when_it_may_be_set_then_it_is_made() -> None:
    assert limit("position_limit", "symbol", D(10)) == Limit("position_limit", "symbol", D(10))


@pytest.mark.parametrize(
    ("name", "scope", "value", "field"),
    [
        ("no_such_limit", "account", "1", "name"),
        ("market_hours", "account", "1", "name"),
        ("position_limit", "planet", "1", "scope"),
        ("position_limit", "account", "-1", "value"),
        ("position_limit", "account", "NaN", "value"),
    ],
)
def test_limit_when_it_cannot_be_then_the_field_is_named(name: str, scope: Scope, value: str, field: str) -> None:
    with pytest.raises(BadInput) as refused:
        limit(name, scope, D(value))
    assert (refused.value.code, refused.value.numbers["field"]) == ("BAD_LIMIT", field)


def test_limits_when_several_apply_then_the_tightest_wins() -> None:
    several = Limits((Limit("a", "global", D(5)), Limit("a", "strategy", D(3)), Limit("b", "user", D(1))))
    assert several.tightest("a") == Limit("a", "strategy", D(3))
    assert several.tightest("c") is None
    assert several.tightest("c", D(7)) == Limit("c", "account", D(7))


def test_open_quantity_when_made_of_signed_orders_then_sides_are_kept_apart() -> None:
    assert OpenQuantity.of(D(5), [D(10), D(-3), D(1)]) == OpenQuantity(D(5), D(11), D(3))


@pytest.mark.parametrize(
    "changes",
    [
        {"quantity": D(0)},
        {"quantity": D("NaN")},
        {"order_type": "limit"},
        {"limit_price": D(1)},
        {"stop_loss_price": D(-1)},
        {"event_time": datetime(2026, 1, 5)},  # noqa: DTZ001
    ],
)
def test_proposed_order_when_it_cannot_be_judged_then_it_is_refused(order: Orders, changes: dict[str, object]) -> None:
    with pytest.raises(BadInput) as refused:
        order(**changes)
    assert refused.value.code == "BAD_ORDER"


@pytest.mark.parametrize(
    ("price", "at"), [(D(0), NOON), (D("NaN"), NOON), (D(1), NOON.replace(tzinfo=None))], ids=["zero", "nan", "naive"]
)
def test_mark_when_it_is_no_price_then_it_is_refused(price: Decimal, at: datetime) -> None:
    with pytest.raises(BadInput) as refused:
        Mark(price, at)
    assert refused.value.code == "BAD_MARK"


def test_reduce_when_nothing_would_be_left_then_it_is_a_bug() -> None:
    with pytest.raises(ValueError, match="above zero"):
        reduce(D(0))


def test_rule_when_it_has_no_docstring_then_it_is_refused() -> None:
    with pytest.raises(ValueError, match="docstring"):
        rule("CODE", "unit", ())(lambda order, book, limits: reduce(D(1)))


def test_stale_quote_when_the_mark_is_newer_than_the_event_then_replay_and_live_agree(
    order: Orders, book: Books
) -> None:
    later = book(marks={"SPY": Mark(D(100), NOON + timedelta(hours=1))})
    assert assess(order(), later, Limits()).verdict.outcome == "allow"
