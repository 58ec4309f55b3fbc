"""Accounts: isolation, keys, cash, activities, fees, clock and calendar."""

from __future__ import annotations

import json
from datetime import date, datetime
from decimal import Decimal
from typing import Any

import pytest
from alpaca.common.exceptions import APIError
from alpaca.trading.enums import OrderSide
from alpaca.trading.requests import GetCalendarRequest

from tests.contract.alpaca_simulator.running import ALICE, BOB, CAROL, Running, limit, market, raw


def fills_of(running: Running, name: str, **query: Any) -> list[dict[str, Any]]:
    rows = running.trading(name).get("/account/activities", {"activity_types": "FILL", **query})
    assert isinstance(rows, list)
    return rows


def test_keys_when_two_accounts_trade_then_neither_sees_the_other(opened: Running) -> None:
    alice, bob = opened.trading("alice"), opened.trading("bob")
    order = alice.submit_order(limit(10, 200.0, client_order_id="same"))
    alice.submit_order(market(10))
    assert isinstance(order, dict)
    assert bob.get_orders() == []
    assert bob.get_all_positions() == []
    assert fills_of(opened, "bob") == []
    assert raw(bob.get_account())["cash"] == "100000"
    for look in (bob.get_order_by_id, bob.cancel_order_by_id):
        with pytest.raises(APIError) as caught:
            look(order["id"])
        assert caught.value.status_code == 404
    bob.cancel_orders()
    assert alice.get_order_by_id(order["id"])["status"] == "new"  # type: ignore[index]
    theirs = bob.submit_order(limit(10, 200.0, client_order_id="same"))
    assert theirs["id"] != order["id"]  # type: ignore[index]


@pytest.mark.parametrize(("name", "secret", "status"), [("alice", "bob-secret", 401), ("nobody", "", 401)])
def test_keys_when_they_are_wrong_then_nothing_is_answered(
    name: str, secret: str, status: int, opened: Running
) -> None:
    with pytest.raises(APIError) as caught:
        opened.trading(name, secret or "x").get_account()
    assert (caught.value.status_code, json.loads(str(caught.value))["code"]) == (status, 40110000)


def test_keys_when_one_reads_data_only_then_it_cannot_trade(opened: Running) -> None:
    with pytest.raises(APIError) as caught:
        opened.trading("data").submit_order(market(1))
    assert caught.value.status_code == 403


def test_accounts_when_one_is_added_during_a_session_then_it_trades_at_once(opened: Running) -> None:
    new = "55555555-5555-4555-8555-555555555555"
    opened.post("/control/accounts", {"account_id": new, "key": "dora", "secret": "dora-secret", "cash": 5000})
    opened.trading("dora").submit_order(market(1, client_order_id="x"))
    assert opened.trading("dora").get_order_by_client_id("x")["status"] == "filled"  # type: ignore[index]
    assert set(opened.get("/control/book")["accounts"]) >= {ALICE, BOB, CAROL, new}


def test_activities_when_there_are_pages_then_following_them_gives_every_fill_once(opened: Running) -> None:
    client = opened.trading()
    for _ in range(4):
        client.submit_order(market(3))
        client.submit_order(market(3, OrderSide.SELL))
    everything = fills_of(opened, "alice", direction="asc")
    assert len(everything) == 8
    paged: list[dict[str, Any]] = []
    while page := fills_of(
        opened, "alice", direction="asc", page_size=3, **({"page_token": paged[-1]["id"]} if paged else {})
    ):
        paged += page
    assert paged == everything
    assert fills_of(opened, "alice") == everything[::-1]
    assert len({row["id"] for row in everything}) == 8
    times = [row["transaction_time"] for row in everything]
    assert times == sorted(set(times))
    later = fills_of(opened, "alice", direction="asc", after=times[3])
    assert later == everything[4:]


def test_activities_when_an_order_fills_in_parts_then_cum_qty_counts_up(opened: Running) -> None:
    opened.trading().submit_order(market(700, client_order_id="big"))
    while opened.trading().get_order_by_client_id("big")["status"] != "filled":  # type: ignore[index]
        opened.advance()
    rows = fills_of(opened, "alice", direction="asc")
    assert len(rows) > 1
    total = Decimal(0)
    for row in rows:
        total += Decimal(row["qty"])
        assert (Decimal(row["cum_qty"]), Decimal(row["leaves_qty"])) == (total, 700 - total)
    assert [row["type"] for row in rows] == ["partial_fill"] * (len(rows) - 1) + ["fill"]


def test_cash_when_trades_are_made_then_it_is_what_the_fills_say(opened: Running) -> None:
    client = opened.trading()
    client.submit_order(market(200))
    opened.advance(20)
    client.submit_order(market(150, OrderSide.SELL))
    opened.advance(20)
    cash = Decimal(100_000)
    for row in fills_of(opened, "alice"):
        cash += Decimal(row["qty"]) * Decimal(row["price"]) * (1 if row["side"] == "sell" else -1)
    book = opened.get("/control/book")["accounts"][ALICE]
    assert Decimal(book["cash"]) == cash
    assert [row["qty"] for row in book["positions"]] == ["50"]


def test_fees_when_the_account_has_a_schedule_then_they_are_taken_at_the_close(opened: Running) -> None:
    client = opened.trading("carol")
    client.submit_order(market(10))
    client.submit_order(market(10, OrderSide.SELL))
    before = opened.get("/control/book")["accounts"][CAROL]
    assert Decimal(before["accrued_fees"]) > Decimal("0.1")
    opened.advance_to_close()
    after = opened.get("/control/book")["accounts"][CAROL]
    (fee,) = after["activities"]
    assert fee["kind"] == "fee"
    assert Decimal(after["cash"]) == Decimal(before["cash"]) + Decimal(fee["amount"])
    # Half a cent per share on both sides, and two cents per thousand dollars sold, rounded up to cents.
    sold = next(Decimal(row["price"]) for row in after["fills"] if row["side"] == "sell")
    owed = Decimal("0.1") + sold * 10 * Decimal("0.00002")
    assert Decimal(fee["amount"]) == -(owed * 100).__ceil__() / Decimal(100)
    assert opened.get("/control/book")["accounts"][ALICE]["activities"] == []


def test_clock_when_the_tape_moves_then_it_shows_tape_time_with_new_york_s_offset(alpaca: Running) -> None:
    client = alpaca.trading()
    clock = raw(client.get_clock())
    assert (clock["is_open"], clock["next_open"]) == (False, "2018-02-05T09:30:00-05:00")
    alpaca.advance(2)
    clock = raw(client.get_clock())
    assert datetime.fromisoformat(clock["timestamp"]) == datetime.fromisoformat("2018-02-05T09:31:00-05:00")
    assert (clock["is_open"], clock["next_close"]) == (True, "2018-02-05T16:00:00-05:00")


def test_clock_when_orders_are_stamped_then_it_is_never_behind_the_last_stamp(opened: Running) -> None:
    client = opened.trading()
    for _ in range(5):
        client.submit_order(market(1))
    stamp = opened.get("/control/state")["positions"]["trade-updates"][ALICE]
    clock = raw(client.get_clock())
    assert datetime.fromisoformat(clock["timestamp"]) >= datetime.fromisoformat(stamp)


def test_calendar_when_a_half_day_is_asked_for_then_it_closes_early(alpaca: Running) -> None:
    rows = alpaca.trading().get_calendar(GetCalendarRequest(start=date(2018, 7, 2), end=date(2018, 7, 5)))
    assert [(row["date"], row["close"]) for row in rows] == [  # type: ignore[index]
        ("2018-07-02", "16:00"),
        ("2018-07-03", "13:00"),
        ("2018-07-05", "16:00"),
    ]
    assert len(alpaca.typed().get_calendar(GetCalendarRequest(start=date(2018, 7, 2), end=date(2018, 7, 5)))) == 3
