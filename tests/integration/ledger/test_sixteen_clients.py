"""Sixteen clients, hundreds of tries: nothing is counted, judged, sent, decided, written or published twice.

Halts are raced in test_gate_race.py, limits in test_limit_rows.py.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from datetime import timedelta
from functools import partial
from random import Random
from typing import Any

import pytest

from tests.integration.ledger.clients import CLIENTS, Clients, Work, answer, sixteen_clients
from tests.integration.ledger.desk import NOON, Desk, approval_of, calling, claim_of, decision, fill_of, order_of
from tests.integration.ledger.ledger import Connection, Ledger, call

MONDAY = "2013-10-07"
ROUNDS = [pytest.param(20, id="hundreds"), pytest.param(300, id="thousands", marks=pytest.mark.long)]
pytestmark = pytest.mark.parametrize("rounds", ROUNDS)


@pytest.fixture
def clients(fresh_ledger: Ledger) -> Iterator[Clients]:
    with sixteen_clients(fresh_ledger) as connected:
        yield connected


@pytest.fixture
def desk(clients: Clients) -> Desk:
    return Desk.open(clients.ledger)


def record(desk: Desk, fill: dict[str, Any]) -> Work:
    return calling("record_fill", "fn_execute", p_account_id=desk.account, p_fill=fill)


def test_fill_when_it_comes_by_two_paths_under_two_names_then_counted_once(
    clients: Clients, desk: Desk, rounds: int
) -> None:
    for number in range(rounds):
        _, order = desk.working(quantity="5")
        by_stream = fill_of(order, "3", "10", external_id=f"execution {number}")
        by_list = by_stream | {"source": "activities", "external_id": f"activity {number}"}
        found = clients.round(*[record(desk, by_stream), record(desk, by_list)] * (CLIENTS // 2))
        assert all(isinstance(each, dict) for each in found), found
        assert sum(each["counted"] for each in found) == 1
        assert len({each["fill_id"] for each in found}) == 1
    assert (desk.position(), desk.count("fills"), desk.count("fill_aliases")) == (3 * rounds, rounds, 2 * rounds)


def test_fills_when_all_of_an_order_come_in_any_order_then_each_is_counted_once(
    clients: Clients, desk: Desk, rounds: int
) -> None:
    """Each client tells the whole story of the order, from its own beginning."""
    random = Random(7)
    for _ in range(rounds // 4):
        trade, order = desk.working(quantity="8")
        story = [fill_of(order, "2", "10", str(total)) for total in (2, 4, 6, 8)]

        def tell(connection: Connection, story: list[Any] = story) -> int:
            told = random.sample(story, len(story))
            return sum(answer(connection, record(desk, fill))["counted"] for fill in told)

        assert sum(clients.round(tell)) == 4
        assert desk.status(trade) == "filled"
    assert desk.position() == 8 * (rounds // 4)


def test_trade_when_judged_then_approved_once_and_its_verdicts_are_one_judges(
    clients: Clients, desk: Desk, rounds: int
) -> None:
    trades = [desk.place(quantity="1") for _ in range(rounds)]
    verdict = {"rule": "A_TEST", "verdict": "deny", "numbers": {}}
    for trade in trades:
        said = {"p_trade_id": trade, "p_refusal": "A_TEST"}
        refuse = calling("reject_trade", "fn_risk", **said, p_decisions=[verdict])
        approve = calling("approve_trade", "fn_risk", **approval_of(trade))
        clients.round(*[approve, approve, approve, refuse] * (CLIENTS // 4))
    judged = desk.ledger.rows(
        "select count(*) from public.trade_transitions where trade_id = any (%s) "
        "and to_status in ('approved', 'rejected') group by trade_id",
        trades,
    )
    assert judged == [(1,)] * rounds
    verdicts = desk.ledger.rows(
        "select t.status, array_agg(d.verdict order by d.verdict) from public.trades as t "
        "join public.risk_decisions as d on d.trade_id = t.id where t.id = any (%s) group by t.id",
        trades,
    )
    assert len(verdicts) == rounds
    for status, said_of_it in verdicts:
        assert said_of_it == [{"approved": "allow", "rejected": "deny"}[status]]


def test_trade_when_claimed_then_one_has_it_and_one_attempt_is_on_record(
    clients: Clients, desk: Desk, rounds: int
) -> None:
    trades = [desk.place(quantity="1") for _ in range(rounds)]
    for trade in trades:
        desk.approve(trade)
        found = clients.round(calling("claim_trade", "fn_execute", **claim_of(trade)))
        assert sum(each["claimed"] for each in found) == 1
    attempts = desk.ledger.rows(
        "select count(*), count(distinct client_order_id) from public.order_attempts where user_id = %s", desk.user
    )
    assert attempts == [(rounds, rounds)]


def test_bar_when_decided_on_then_one_decision_and_one_trade(clients: Clients, desk: Desk, rounds: int) -> None:
    for number in range(rounds):
        said = decision(desk.strategy, order_of(quantity="1"), at=NOON + timedelta(minutes=number))
        found = clients.round(calling("record_decisions", "fn_strategy", p_symbol="SPY", p_decisions=[said]))
        assert sorted(len(answer["placed"]) for answer in found) == [0] * (CLIENTS - 1) + [1]
    assert (desk.count("strategy_decisions"), desk.count("trades")) == (rounds, rounds)


def test_order_when_its_key_is_used_again_then_one_trade_and_another_order_is_refused(
    clients: Clients, desk: Desk, rounds: int
) -> None:
    """Half of the clients repeat the order; the others have another one under the same key."""
    placed: set[str] = set()
    for number in range(rounds):
        same: dict[str, Any] = order_of(quantity="1") | {
            "idempotency_key": f"key {number}",
            "broker_account_id": str(desk.account),
        }
        orders = (same, same | {"quantity": "2"})
        works = [calling("place_trade", "authenticated", desk.user, p_order=order) for order in orders]
        found = clients.round(*works * (CLIENTS // 2))
        answered = {each["trade_id"] for each in found if isinstance(each, dict)}
        assert len(answered) == 1, found
        assert {each for each in found if isinstance(each, str)} <= {"SIGNAL_REUSED"}
        placed |= answered
    assert desk.count("trades") == len(placed) == rounds


def test_report_when_written_among_fills_then_each_state_of_the_book_is_one_version(
    clients: Clients, desk: Desk, rounds: int
) -> None:
    session = {"date": MONDAY, "opens_at": f"{MONDAY}T13:30Z", "closes_at": f"{MONDAY}T20:00Z"}
    desk.ledger.call("upsert_calendar", "fn_ingest", p_sessions=[session], p_source="test")
    snapshot = {"p_as_of": NOON, "p_cash": "1", "p_equity": "1"}
    desk.ledger.call("record_account_snapshot", "fn_execute", p_account_id=desk.account, **snapshot)
    write = calling("write_daily_report", "fn_report", p_account_id=desk.account, p_date=MONDAY)
    _, order = desk.working(quantity=str(rounds))
    for number in range(1, rounds + 1):
        # One tells the next fill while the others write: each sees the book before it or after it.
        fill = record(desk, fill_of(order, "1", "10", str(number)))
        clients.round(fill, *[write] * (CLIENTS - 1))
        desk.ledger.call("write_daily_report", "fn_report", p_account_id=desk.account, p_date=MONDAY)
    versions = desk.ledger.rows(
        "select report_version, (report ->> 'fills')::int from public.daily_pnl_report_versions where user_id = %s "
        "order by report_version",
        desk.user,
    )
    assert [version for version, _ in versions] == list(range(1, len(versions) + 1))
    fills = [count for _, count in versions]
    assert fills == sorted(set(fills)), "no state of the book is written twice, none after a later one"
    assert fills[-1] == rounds
    assert desk.ledger.rows(
        "select report_version, fills from public.daily_pnl_reports where user_id = %s", desk.user
    ) == [versions[-1]]


def test_events_when_sixteen_relays_claim_then_each_has_its_own_in_the_order_of_its_key(
    clients: Clients, desk: Desk, rounds: int
) -> None:
    desks = [desk, *[Desk.open(clients.ledger) for _ in range(3)]]
    for number in range(rounds * 4):
        desks[number % 4].place(quantity="1")
    wanted = clients.ledger.one("select count(*) from private.outbox where published_at is null")
    published: list[tuple[str, int]] = []
    claim = calling("claim_outbox", "fn_relay", p_owner="a test", p_limit=3, p_lease_seconds=300)

    def relay(connection: Connection) -> None:
        idle = 0
        while idle < 3:
            claimed = answer(connection, claim)
            idle = 0 if claimed else idle + 1
            for item in claimed:
                published.append((item["event"]["key"], item["outbox_id"]))
                answer(connection, calling("mark_published", "fn_relay", p_ids=f"{{{item['outbox_id']}}}"))

    while len(published) < wanted:
        clients.round(relay)
    assert len(published) == len(set(published)) == wanted
    for key in {key for key, _ in published}:
        numbers = [number for of_key, number in published if of_key == key]
        assert numbers == sorted(numbers)
    assert clients.ledger.one("select count(*) from private.outbox where published_at is null") == 0


def test_audit_when_sixteen_write_of_every_kind_then_each_change_is_one_link_of_one_chain(
    clients: Clients, desk: Desk, rounds: int
) -> None:
    desks = [desk, Desk.open(clients.ledger)]

    def limit(of: Desk, value: int, scope: str) -> Work:
        whose = {"account": of.account, "user": of.user}[scope]
        said = {"p_scope": scope, "p_scope_id": whose, "p_name": "position_limit", "p_value": str(value)}
        return calling("set_limit", "authenticated", of.user, **said, p_unit="shares or contracts")

    def edit(statement: str, *values: object) -> Work:
        return lambda connection: connection.execute(statement.encode(), values).rowcount

    before = clients.ledger.one("select count(*) from public.audit_log")
    for number in range(rounds):
        works: list[Work] = []
        for client in range(CLIENTS // 4):
            of = desks[client % 2]
            value = number * CLIENTS + client
            works += [
                limit(of, value + 1, "account"),
                limit(of, value + 1, "user"),
                edit("update public.strategies set description = %s where id = %s", str(value), of.strategy),
                edit("update public.broker_accounts set label = %s where id = %s", str(value), of.account),
            ]
        clients.round(*works)
    assert clients.ledger.one("select count(*) from public.audit_log") - before == rounds * CLIENTS
    # What a link found is what the link before it left: no change between them went by unseen.
    torn = clients.ledger.one(
        "select count(*) from (select before, "
        "lag(after) over (partition by table_name, row_id order by chain, sequence) as left_by "
        "from public.audit_log) as links where left_by is not null and before is distinct from left_by"
    )
    assert torn == 0


def test_ledger_when_sixteen_do_everything_at_once_then_nobody_waits_in_a_ring(
    clients: Clients, desk: Desk, rounds: int
) -> None:
    """Every call that takes locks, in any order, on two desks: what must hold is asked when the clients are gone."""
    desks = [desk, Desk.open(clients.ledger)]
    for of in desks * 8:
        of.working(quantity="3")

    def some(connection: Connection, of: Desk, *statuses: str) -> Any:
        row = connection.execute(
            "select t.id, a.broker_order_id from public.trades as t left join public.order_attempts as a "
            "on a.trade_id = t.id where t.user_id = %s and t.status = any (%s) order by random() limit 1",
            [of.user, list(statuses)],
        ).fetchone()
        return row or (None, None)

    def step(connection: Connection, random: Random, of: Desk) -> None:
        number = random.randrange(1_000_000)
        said: dict[str, Any]
        match random.randrange(12):
            case 0 | 1:
                side = random.choice(["buy", "sell"])
                order = order_of(side, "3", symbol=random.choice(["SPY", "IWM"])) | {"idempotency_key": str(number)}
                call(connection, "place_trade", "authenticated", of.user, p_order=order | _of(of))
            case 2 | 3:
                trade, _ = some(connection, of, "pending")
                call(connection, "approve_trade", "fn_risk", **approval_of(trade))
            case 4 | 5:
                trade, _ = some(connection, of, "approved")
                call(connection, "claim_trade", "fn_execute", **claim_of(trade))
            case 6:
                trade, _ = some(connection, of, "submitting")
                said = {"p_trade_id": trade, "p_attempt": 1, "p_broker_order_id": f"order {trade}", "p_at": NOON}
                call(connection, "record_submission", "fn_execute", **said)
            case 7 | 8:
                trade, order_id = some(connection, of, "submitted", "partially_filled", "canceled", "cancel_pending")
                found = connection.execute(
                    "select symbol, side from public.trades where id = %s", [trade]
                ).fetchone() or ("SPY", "buy")
                # Each fill tells its place in the order: the same one comes from many, an excess now and then.
                total = random.randrange(1, 5)
                fill = fill_of(order_id or "", "1", "10", str(total), symbol=found[0], side=found[1])
                record(of, fill)(connection)
            case 9:
                trade, _ = some(connection, of, "submitted", "partially_filled")
                call(connection, "request_cancel", "authenticated", of.user, p_trade_id=trade, p_reason="a test")
            case 10:
                key = of.gate(random.choice(["account", "user", "strategy", "global"]))
                if random.random() < 0.4:
                    call(connection, "close_gate", "fn_risk", p_gate_key=key, p_reason=str(number))
                else:
                    connection.execute("select public.open_gate(%s, %s)", [key, str(number)])
            case _:
                said = {"p_scope": "account", "p_scope_id": of.account, "p_name": "position_limit"}
                said |= {"p_value": str(1000 + number), "p_unit": "shares or contracts"}
                call(connection, "set_limit", "authenticated", of.user, **said)

    def storm(connection: Connection) -> int:
        random = Random(threading.get_ident())
        made = 0
        for _ in range(2 * rounds):
            made += not isinstance(answer(connection, partial(step, random=random, of=random.choice(desks))), str)
        return made

    assert sum(clients.round(storm)) > CLIENTS * rounds // 2, "steps must have found something to do"
    assert clients.ledger.one("select count(*) from public.fills") > 8


def _of(desk: Desk) -> dict[str, Any]:
    return {"broker_account_id": str(desk.account)}
