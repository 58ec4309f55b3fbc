"""Limits that are watched: a breach is acted on once, told, and may be again when it has recovered or gone on."""

from __future__ import annotations

import json
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID, uuid4

import pytest

from tests.integration.ledger.desk import NOON, Desk, calling, new_strategy
from tests.integration.ledger.ledger import THREADS, Ledger, refused

SESSIONS = [
    {"date": f"2013-10-0{day}", "opens_at": f"2013-10-0{day}T13:30Z", "closes_at": f"2013-10-0{day}T20:00Z"}
    for day in (7, 8)
]
EVENING = NOON + timedelta(hours=8)


@pytest.fixture(autouse=True, scope="module")
def open_market(ledger: Ledger) -> None:
    ledger.call("upsert_calendar", "fn_ingest", p_sessions=SESSIONS, p_source="test")


def limited(desk: Desk, act: str | None, scope: str = "account", value: str = "500") -> UUID:
    """A limit on the loss of the day, as its trader sets it."""
    ids = {"user": desk.user, "account": desk.account, "strategy": desk.strategy}
    said = {"p_scope": scope, "p_scope_id": ids[scope], "p_name": "max_daily_loss", "p_value": value, "p_act": act}
    limit: UUID = desk.ledger.call("set_limit", "authenticated", desk.user, p_unit="dollars", **said)
    return limit


def measure(limit: UUID, measured: str = "501", at: datetime = NOON, **more: Any) -> dict[str, Any]:
    where = {"p_account_id": None, "p_strategy_id": None}
    return {"p_limit_id": limit, "p_measured": measured, "p_at": at} | where | more


def breach(desk: Desk, limit: UUID, measured: str = "501", at: datetime = NOON, **more: Any) -> dict[str, Any]:
    answer: dict[str, Any] = desk.ledger.call("breach_limit", "fn_risk", **measure(limit, measured, at, **more))
    return answer


def rearm(desk: Desk, limit: UUID, at: datetime = NOON) -> bool:
    return bool(desk.ledger.call("rearm_limit", "fn_risk", **measure(limit, "100", at)))


def warn(desk: Desk, limit: UUID, at: datetime = NOON) -> bool:
    return bool(desk.ledger.call("warn_of_limit", "fn_risk", **measure(limit, "400", at)))


def happened(desk: Desk, limit: UUID) -> list[str]:
    rows = desk.ledger.rows("select happened from public.limit_breaches where limit_id = %s order by id", limit)
    return [row[0] for row in rows]


def told(desk: Desk) -> list[tuple[str, str]]:
    return desk.ledger.rows("select code, severity from public.alerts where user_id = %s order by raised_at", desk.user)


def mode(desk: Desk, scope: str) -> str | None:
    closed, how = desk.ledger.rows(
        "select closed, mode from public.trading_gates where gate_key = %s", desk.gate(scope)
    )[0]
    return how if closed else None


def orders(desk: Desk) -> list[tuple[Any, ...]]:
    return desk.ledger.rows(
        "select side, quantity, reduce_only, strategy_id from public.trades "
        "where user_id = %s and source = 'risk' order by placed_number",
        desk.user,
    )


@pytest.mark.parametrize(
    ("scope", "act", "halt"),
    [
        ("account", "warn", None),
        ("account", "block_entries", "no_new_entries"),
        ("user", "cancel", "cancel_working"),
        ("account", "cancel", "cancel_working"),
        ("strategy", "flatten", "flatten"),
    ],
)
def test_breach_when_it_is_new_then_its_act_is_done_in_the_scope_of_the_limit(
    desk: Desk, scope: str, act: str, halt: str | None
) -> None:
    limit = limited(desk, act, scope)
    trade, _ = desk.working()
    answer = breach(desk, limit)
    assert (answer["status"], answer["act"]) == ("breached", act)
    assert [mode(desk, each) for each in ("user", "account", "strategy")] == [
        halt if each == scope else None for each in ("user", "account", "strategy")
    ]
    assert desk.status(trade) == ("cancel_pending" if act in ("cancel", "flatten") else "submitted")
    assert told(desk) == [("LIMIT_BREACHED", "warning" if act == "warn" else "critical")]
    events = desk.ledger.rows(
        "select topic, data ->> 'act' from private.outbox where type = 'limit.breached' and data ->> 'limit_id' = %s",
        str(limit),
    )
    assert events == [("alerts", act)]


def test_breach_when_no_act_was_named_then_it_warns(desk: Desk) -> None:
    assert breach(desk, limited(desk, None))["act"] == "warn"


@pytest.mark.parametrize(("scope", "stopped"), [("user", 2), ("account", 2), ("strategy", 1)])
def test_breach_when_it_deactivates_then_the_strategies_of_the_scope_stop_and_their_entries_go(
    desk: Desk, scope: str, stopped: int
) -> None:
    new_strategy(desk.ledger, desk.user, desk.account)
    trade, _ = desk.working()
    breach(desk, limited(desk, "deactivate", scope))
    states = desk.ledger.rows("select status from public.strategies where user_id = %s", desk.user)
    assert sum(status == "inactive" for (status,) in states) == stopped
    assert desk.status(trade) == "cancel_pending"
    assert mode(desk, scope) is None


@pytest.mark.parametrize(
    ("scope", "held", "side", "half"),
    [("account", "100", "sell", 50), ("user", "-101", "buy", 51), ("strategy", "1", "sell", 1)],
)
def test_breach_when_it_reduces_then_half_of_what_is_held_is_closed_by_its_owner(
    desk: Desk, scope: str, held: str, side: str, half: int
) -> None:
    desk.hold(held)
    (placed,) = breach(desk, limited(desk, "reduce", scope))["placed"]
    assert orders(desk) == [(side, half, True, desk.strategy)]
    assert desk.approve(UUID(placed)) == "approved"
    assert mode(desk, scope) is None


def test_breach_when_the_watch_says_how_much_and_of_what_then_so_much_of_it_is_closed(desk: Desk) -> None:
    desk.hold("100")
    _, order = desk.working(symbol="IWM", quantity="10")
    desk.fill(order, "10", "10", symbol="IWM")
    breach(desk, limited(desk, "reduce"), p_detail={"part": "0.2", "symbol": "IWM"})
    assert orders(desk) == [("sell", 2, True, desk.strategy)]


@pytest.mark.parametrize("why", ["the market is closed", "orders that work close all of it already"])
def test_breach_when_nothing_can_be_reduced_then_an_alert_says_why(desk: Desk, why: str) -> None:
    desk.hold("100")
    closed = why == "the market is closed"
    if not closed:
        desk.working("sell", "100", position_intent="sell_to_close", order_type="limit", price="200")
    assert breach(desk, limited(desk, "reduce"), at=EVENING if closed else NOON)["placed"] == []
    numbers = desk.ledger.one(
        "select numbers from public.alerts where user_id = %s and code = 'LIMIT_NOT_REDUCED'", desk.user
    )
    assert (numbers["symbol"], numbers["why"]) == ("SPY", why)


def test_breach_when_the_broker_refuses_what_it_sells_then_an_alert_says_so(desk: Desk) -> None:
    desk.hold("100")
    (placed,) = breach(desk, limited(desk, "reduce"))["placed"]
    assert desk.approve(UUID(placed)) == "approved"
    order = desk.submit(UUID(placed))
    desk.update(order, "rejected", reason="another order rests against it")
    numbers = desk.ledger.one(
        "select numbers from public.alerts where user_id = %s and code = 'LIMIT_NOT_REDUCED'", desk.user
    )
    assert (numbers["symbol"], numbers["quantity"], numbers["trade"]) == ("SPY", "50", placed)


def test_breach_when_it_is_said_again_then_it_stands_and_is_told_once(desk: Desk) -> None:
    limit = limited(desk, "block_entries")
    breach(desk, limit)
    assert [breach(desk, limit, measured)["status"] for measured in ("501", "1000", "502")] == ["stands"] * 3
    assert (happened(desk, limit), len(told(desk))) == (["breached"], 1)


@pytest.mark.parametrize("act", ["block_entries", "reduce"])
def test_breach_when_eight_watchers_see_it_at_once_then_it_is_one(desk: Desk, act: str) -> None:
    desk.hold("100")
    limit = limited(desk, act)
    found = desk.ledger.at_once(*[calling("breach_limit", "fn_risk", **measure(limit)) for _ in range(THREADS)])
    assert sorted(answer["status"] for answer in found) == ["breached"] + ["stands"] * (THREADS - 1)
    assert (happened(desk, limit), len(orders(desk))) == (["breached"], 1 if act == "reduce" else 0)


@pytest.mark.parametrize(("measured", "again"), [("551.1", "stands"), ("551.11", "worse")])
def test_breach_when_its_halt_was_lifted_then_it_acts_again_only_where_it_went_on_by_a_tenth(
    desk: Desk, measured: str, again: str
) -> None:
    limit = limited(desk, "block_entries")
    breach(desk, limit)
    desk.lift()
    assert breach(desk, limit, measured)["status"] == again
    assert desk.halted() == (again == "worse")


def test_breach_when_a_trader_lifts_the_halt_with_a_second_factor_then_it_stays_lifted(desk: Desk) -> None:
    limit = limited(desk, "block_entries")
    breach(desk, limit)
    claims = {"role": "authenticated", "sub": str(desk.user), "aal": "aal1"}
    lift = "select public.open_gate(%s, 'I have looked')"
    with desk.ledger.session() as connection, refused("SECOND_FACTOR_NEEDED", 403):
        _as(connection, claims, lift, desk.gate())
    with desk.ledger.session() as connection:
        _as(connection, claims | {"aal": "aal2"}, lift, desk.gate())
    assert not desk.halted()
    assert breach(desk, limit, "510")["status"] == "stands"
    assert not desk.halted()


def _as(connection: Any, claims: dict[str, str], query: str, *values: object) -> None:
    connection.execute("select set_config('request.jwt.claims', %s, true)", [json.dumps(claims)])
    connection.execute("set local role authenticated")
    connection.execute(query.encode(), values)


def test_breach_when_it_has_recovered_then_it_may_breach_anew(desk: Desk) -> None:
    limit = limited(desk, "block_entries")
    breach(desk, limit)
    desk.lift()
    assert not rearm(desk, limit, NOON - timedelta(seconds=1))
    assert [rearm(desk, limit), rearm(desk, limit)] == [True, False]
    assert breach(desk, limit)["status"] == "breached"
    assert happened(desk, limit) == ["breached", "recovered", "breached"]
    assert desk.halted()


@pytest.mark.parametrize(
    ("at", "status"), [(NOON + timedelta(hours=11), "stands"), (NOON + timedelta(hours=13), "breached")]
)
def test_breach_when_a_new_session_day_begins_then_it_is_a_new_one(desk: Desk, at: datetime, status: str) -> None:
    limit = limited(desk, "warn")
    breach(desk, limit)
    assert breach(desk, limit, at=at)["status"] == status


@pytest.mark.parametrize("changed", [{"value": "400"}, {"act": "cancel"}])
def test_breach_when_the_limit_was_set_anew_and_is_broken_still_then_it_is_a_new_one(
    desk: Desk, changed: dict[str, str]
) -> None:
    limit = limited(desk, "block_entries")
    breach(desk, limit)
    assert limited(desk, **({"act": "block_entries"} | changed)) == limit
    assert breach(desk, limit)["status"] == "breached"
    assert mode(desk, "account") == ("cancel_working" if "act" in changed else "no_new_entries")


def test_breach_when_the_limit_was_removed_then_nothing_is_done(desk: Desk) -> None:
    limit = limited(desk, "flatten")
    said = {"p_scope": "account", "p_scope_id": desk.account, "p_name": "max_daily_loss"}
    assert desk.ledger.call("remove_limit", "authenticated", desk.user, **said)
    assert breach(desk, limit)["status"] == "removed"
    assert (happened(desk, limit), desk.halted()) == ([], False)


def test_breach_when_it_names_what_is_not_in_the_scope_then_refused(desk: Desk) -> None:
    limit = limited(desk, "flatten")
    other = Desk.open(desk.ledger)
    elsewhere: list[dict[str, Any]] = [
        {"p_account_id": other.account},
        {"p_strategy_id": other.strategy},
        {"p_account_id": uuid4()},
    ]
    for outside in elsewhere:
        with refused("NOT_IN_SCOPE", 422):
            breach(desk, limit, **outside)
    with refused("NO_SUCH_LIMIT", 404):
        breach(desk, uuid4())
    assert happened(desk, limit) == []


@pytest.mark.parametrize("measured", ["NaN", "Infinity"])
def test_breach_when_the_measure_is_no_number_then_refused(desk: Desk, measured: str) -> None:
    with refused("BAD_MEASURE", 422):
        breach(desk, limited(desk, "flatten"), measured)


def test_warning_when_near_then_told_once_a_day_and_not_after_a_breach(desk: Desk) -> None:
    limit = limited(desk, "warn")
    assert [warn(desk, limit, at) for at in (NOON, NOON, NOON + timedelta(days=1))] == [True, False, True]
    assert told(desk) == [("LIMIT_NEAR", "warning")] * 2
    breach(desk, limit, at=NOON + timedelta(days=1))
    assert not warn(desk, limit, NOON + timedelta(days=1))


def test_breach_when_of_everybody_then_the_global_gate_closes_and_administrators_are_told(fresh_ledger: Ledger) -> None:
    desk = Desk.open(fresh_ledger)
    fresh_ledger.run("update public.risk_limit_kinds set scopes = scopes || '{global}' where name = 'max_daily_loss'")
    limit = fresh_ledger.one(
        "insert into public.risk_limits (scope, name, value, unit, act) "
        "values ('global', 'max_daily_loss', 1, 'dollars', 'cancel') returning id"
    )
    trade, _ = desk.working()
    assert breach(desk, limit)["status"] == "breached"
    assert mode(desk, "global") == "cancel_working"
    assert desk.status(trade) == "cancel_pending"
    owners = fresh_ledger.rows("select user_id from public.alerts where code = 'LIMIT_BREACHED'")
    assert owners == [(None,)]


def test_breach_when_everybodys_limit_is_broken_on_one_account_then_that_account_is_halted_and_no_stranger(
    fresh_ledger: Ledger,
) -> None:
    desk, stranger = Desk.open(fresh_ledger), Desk.open(fresh_ledger)
    limit = fresh_ledger.one(
        "insert into public.risk_limits (scope, name, value, unit, act) "
        "values ('global', 'margin_utilisation', 50, '', 'flatten') returning id"
    )
    (trade, _), (other, _) = desk.working(), stranger.working()
    assert breach(desk, limit, "80", p_account_id=desk.account)["status"] == "breached"
    assert [mode(desk, scope) for scope in ("global", "user", "account")] == [None, None, "flatten"]
    assert [mode(stranger, scope) for scope in ("user", "account")] == [None, None]
    assert (desk.status(trade), stranger.status(other)) == ("cancel_pending", "submitted")
    assert breach(desk, limit, "99", p_account_id=desk.account)["status"] == "stands"
    desk.lift()
    assert breach(desk, limit, "99", p_account_id=desk.account)["status"] == "worse"
    owners = fresh_ledger.rows("select user_id from public.alerts where code = 'LIMIT_BREACHED' order by 1 nulls first")
    assert {owner for (owner,) in owners} == {None, desk.user}


def test_breach_when_an_entry_is_placed_at_the_same_time_then_none_works_behind_the_halt(desk: Desk) -> None:
    for _ in range(2):
        one = Desk.open(desk.ledger)
        limit = limited(one, "cancel")
        trades = [one.place(quantity="1") for _ in range(4)]
        approve = [
            calling("approve_trade", "fn_risk", p_trade_id=trade, p_decisions=[], p_marks={"SPY": "100"})
            for trade in trades
        ]
        desk.ledger.at_once(*approve, calling("breach_limit", "fn_risk", **measure(limit)))
        assert {one.status(trade) for trade in trades} <= {"canceled", "rejected"}
    assert Decimal(0) == one.position()
