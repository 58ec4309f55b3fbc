"""Hard limits hold under concurrency: approve_trade() re-checks them under lock, scope by scope."""

from __future__ import annotations

from decimal import Decimal

import pytest

from tests.integration.ledger.desk import NOON, Desk, approval_of, calling, decision, new_account, order_of
from tests.integration.ledger.ledger import THREADS, Ledger, refused

SCOPES = ("user", "account", "strategy")


@pytest.mark.parametrize("scope", SCOPES)
@pytest.mark.parametrize(
    ("name", "limit", "fits"),
    [("position_limit", "350", 3), ("capital_limit", "25000", 2), ("position_limit", "99", 0)],
)
def test_limit_when_eight_are_approved_at_once_then_never_exceeded(
    desk: Desk, scope: str, name: str, limit: str, fits: int
) -> None:
    desk.set_limit(name, limit, scope)
    trades = [desk.place(quantity="100") for _ in range(THREADS)]
    found = desk.ledger.at_once(*[calling("approve_trade", "fn_risk", **approval_of(trade)) for trade in trades])
    assert sorted(answer["status"] for answer in found) == ["approved"] * fits + ["rejected"] * (THREADS - fits)
    assert {answer["refusal"]["code"] for answer in found if answer["status"] == "rejected"} == {name.upper()}


@pytest.mark.parametrize(("name", "limit"), [("position_limit", "250"), ("capital_limit", "25000")])
def test_global_limit_when_eight_users_are_approved_at_once_then_never_exceeded(
    fresh_ledger: Ledger, name: str, limit: str
) -> None:
    for _ in range(4):
        desks = [Desk.open(fresh_ledger) for _ in range(THREADS)]
        desks[0].set_limit(name, limit, "global")
        trades = [desk.place(quantity="100") for desk in desks]
        found = fresh_ledger.at_once(*[calling("approve_trade", "fn_risk", **approval_of(trade)) for trade in trades])
        assert sum(answer["status"] == "approved" for answer in found) == 2
        for desk, trade in zip(desks, trades, strict=True):
            fresh_ledger.call("request_cancel", "fn_risk", p_trade_id=trade, p_reason="next round")
            assert desk.status(trade) in ("canceled", "rejected")


@pytest.mark.parametrize(
    ("held", "working", "side", "quantity", "limit", "approved"),
    [
        ("100", None, "buy", "50", "150", True),
        ("100", None, "buy", "51", "150", False),
        ("100", ("buy", "30"), "buy", "20", "150", True),
        ("100", ("buy", "31"), "buy", "20", "150", False),
        # A working sell that may never fill makes no room.
        ("100", ("sell", "100"), "buy", "60", "150", False),
        ("-100", None, "sell", "50", "150", True),
        ("-100", None, "sell", "51", "150", False),
        ("100", None, "sell", "250", "150", True),
        ("100", None, "sell", "251", "150", False),
        # An order that may flip the position counts as one that opens.
        ("100", None, "sell", "100", "50", False),
    ],
)
def test_position_limit_when_something_is_held_and_working_then_worse_side_counts(
    desk: Desk, held: str, working: tuple[str, str] | None, side: str, quantity: str, limit: str, approved: bool
) -> None:
    desk.hold(held)
    if working:
        desk.working(*working)
    desk.set_limit("position_limit", limit)
    assert desk.approve(desk.place(side, quantity)) == ("approved" if approved else "rejected")


def test_position_limit_when_it_was_lowered_below_what_is_held_then_the_exit_still_passes(desk: Desk) -> None:
    desk.hold("100")
    desk.set_limit("position_limit", "50")
    assert desk.approve(desk.place(quantity="1")) == "rejected"
    assert desk.approve(desk.place_exit("sell", "100")) == "approved"


def test_limit_when_partially_filled_then_filled_part_counts_once(desk: Desk) -> None:
    desk.set_limit("position_limit", "150")
    _, order = desk.working(quantity="100")
    desk.fill(order, "60", "10", "60")
    assert desk.approve(desk.place(quantity="50")) == "approved"
    assert desk.approve(desk.place(quantity="1")) == "rejected"


def test_limits_when_several_apply_then_the_tightest_wins(desk: Desk) -> None:
    desk.set_limit("position_limit", "500", "user")
    desk.set_limit("position_limit", "120", "account")
    desk.set_limit("position_limit", "300", "strategy")
    refusal = desk.approval(desk.place(quantity="121"))["refusal"]
    assert (refusal["scope"], refusal["limit"], refusal["after"]) == ("account", "120", "121")
    assert desk.approve(desk.place(quantity="120")) == "approved"


def test_limit_when_of_one_account_then_another_account_has_its_own_room(desk: Desk) -> None:
    desk.set_limit("position_limit", "100")
    other = new_account(desk.ledger, desk.user)
    assert desk.approve(desk.place(quantity="100")) == "approved"
    there = Desk(desk.ledger, desk.user, other, desk.strategy)
    assert there.approve(there.place_by_hand("key", quantity="900")) == "approved"


def test_limit_when_of_one_symbol_then_only_that_symbol_counts(desk: Desk) -> None:
    desk.ledger.call(
        "set_limit",
        "authenticated",
        desk.user,
        p_scope="account",
        p_scope_id=desk.account,
        p_name="capital_limit",
        p_value="1000",
        p_unit="dollars",
        p_symbol="IWM",
    )
    assert desk.approve(desk.place(quantity="100")) == "approved"
    assert desk.approve(desk.place(quantity="11", symbol="IWM")) == "rejected"
    assert desk.approve(desk.place(quantity="10", symbol="IWM")) == "approved"


def test_capital_limit_when_a_held_symbol_has_no_mark_then_refused_because_unknown_is_never_small(desk: Desk) -> None:
    desk.hold("1")
    desk.set_limit("capital_limit", "1000000")
    refusal = desk.approval(desk.place(quantity="1", symbol="IWM"))["refusal"]
    assert (refusal["code"], refusal["after"]) == ("CAPITAL_LIMIT", "Infinity")


@pytest.mark.parametrize("mark", [None, "0", "-5", "NaN"])
def test_capital_limit_when_the_mark_is_none_then_refused(desk: Desk, mark: str | None) -> None:
    desk.set_limit("capital_limit", "1000000")
    assert desk.approval(desk.place(quantity="1"), mark)["status"] == "rejected"


def test_order_by_notional_when_judged_then_rejected_because_its_quantity_is_unknown(desk: Desk) -> None:
    desk.set_limit("position_limit", "1")
    (trade,) = desk.decide(decision(desk.strategy, order_of(quantity=None, notional="1000000")))  # type: ignore[arg-type]
    assert desk.approval(trade)["refusal"]["code"] == "NOTIONAL_NOT_JUDGED"  # type: ignore[arg-type]


@pytest.mark.parametrize("value", ["NaN", "-1", "Infinity", "1e30", "many", "", None])
def test_limit_when_value_is_no_amount_then_refused_and_old_limit_stays(desk: Desk, value: str | None) -> None:
    desk.set_limit("position_limit", "10")
    with refused("BAD_LIMIT", 422):
        desk.set_limit("position_limit", value)  # type: ignore[arg-type]
    assert desk.ledger.one("select value from public.risk_limits where user_id = %s", desk.user) == 10


@pytest.mark.parametrize(("name", "unit"), [("position_limt", "shares or contracts"), ("position_limit", "dollars")])
def test_limit_when_no_rule_enforces_it_or_the_unit_is_another_then_refused(desk: Desk, name: str, unit: str) -> None:
    """A misspelt limit would be believed to hold and never would."""
    with refused("UNKNOWN_LIMIT", 422):
        desk.ledger.call(
            "set_limit",
            "authenticated",
            desk.user,
            p_scope="user",
            p_scope_id=desk.user,
            p_name=name,
            p_value="1",
            p_unit=unit,
        )


@pytest.mark.parametrize("scope", [*SCOPES, "global", "nonsense"])
def test_limit_when_set_by_a_stranger_then_scope_is_not_found(ledger: Ledger, scope: str) -> None:
    here, there = Desk.open(ledger), Desk.open(ledger)
    scope_id = {"user": here.user, "account": here.account, "strategy": here.strategy}.get(scope)
    with refused("NO_SUCH_SCOPE", 404):
        ledger.call(
            "set_limit",
            "authenticated",
            there.user,
            p_scope=scope,
            p_scope_id=scope_id,
            p_name="position_limit",
            p_value="1000000",
            p_unit="shares or contracts",
        )


def test_verdicts_when_approved_or_rejected_then_all_kept_with_their_numbers(desk: Desk) -> None:
    desk.set_limit("position_limit", "100")
    trade = desk.place(quantity="101")
    desk.approve(trade)
    verdicts = desk.ledger.rows(
        "select number, rule, verdict, numbers ->> 'after' from public.risk_decisions where trade_id = %s "
        "order by number",
        trade,
    )
    assert verdicts == [(1, "A_TEST", "allow", None), (2, "POSITION_LIMIT", "deny", "101")]
    refusal = desk.ledger.one("select refusal from public.trades where id = %s", trade)
    assert refusal.startswith("POSITION_LIMIT: ")


def test_trade_when_judged_by_eight_at_once_then_judged_once(desk: Desk) -> None:
    trade = desk.place()
    found = desk.ledger.at_once(*[calling("approve_trade", "fn_risk", **approval_of(trade))] * THREADS)
    assert sum(answer["changed"] for answer in found) == 1
    assert desk.ledger.one("select count(*) from public.risk_decisions where trade_id = %s", trade) == 1


def test_trade_when_approved_and_rejected_at_once_then_one_of_them(desk: Desk) -> None:
    trade = desk.place()
    approving = calling("approve_trade", "fn_risk", **approval_of(trade))
    rejecting = calling("reject_trade", "fn_risk", p_trade_id=trade, p_decisions=[], p_refusal="A_TEST: n=1")
    found = desk.ledger.at_once(*[approving, rejecting] * 4)
    assert sum(answer["changed"] for answer in found) == 1
    assert {answer["status"] for answer in found} == {desk.status(trade)}


def test_exposure_when_a_fill_comes_while_judging_then_room_is_never_counted_twice(desk: Desk) -> None:
    """The fill moves what works to what is held: a judge sees the one or the other, never neither."""
    desk.set_limit("position_limit", "150")
    for _ in range(4):
        trade, order = desk.working(quantity="100")
        entry = desk.place(quantity="60")
        fill = {
            "broker_order_id": order,
            "quantity": "100",
            "price": "10",
            "cumulative_quantity": "100",
            "executed_at": NOON.isoformat(),
            "source": "stream",
        }
        _, answer = desk.ledger.at_once(
            calling("record_fill", "fn_execute", p_account_id=desk.account, p_fill=fill),
            calling("approve_trade", "fn_risk", **approval_of(entry)),
        )
        assert answer["status"] == "rejected"
        assert desk.status(trade) == "filled"
        exit_trade, order = desk.working("sell", "100")
        desk.fill(order, "100", "10", side="sell")
        assert desk.position() == Decimal(0)
        assert desk.status(exit_trade) == "filled"
