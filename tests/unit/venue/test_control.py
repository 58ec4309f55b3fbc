"""The control routes that every simulator has, in a plain application."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal

import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.testclient import TestClient

from functions.core.errors import AgentTraderError
from local.simulators.venue import account_control, control
from local.simulators.venue.pace import Pace
from local.simulators.venue.venue import Venue
from tests.unit.venue.market import ALICE, NEXT_CALL, NEXT_HIGHER, NEXT_PUT, leg, order, venue


@pytest.fixture
def made() -> Venue:
    return venue([["100"] * 10])


@pytest.fixture
def client(made: Venue) -> Iterator[TestClient]:
    async def refused(_: Request, error: Exception) -> Response:
        return JSONResponse({"message": str(error)}, status_code=422)

    app = Starlette(routes=[*control.routes, *account_control.routes], exception_handlers={AgentTraderError: refused})
    app.state.simulator, app.state.pace, app.state.loaded = made, Pace(made, None), {"tape": "", "seed": 0}
    with TestClient(app) as client:
        yield client


def test_book_when_shares_and_a_spread_were_traded_then_it_has_everything_in_one_shape(
    client: TestClient, made: Venue
) -> None:
    client.post("/control/advance", json={"minutes": 2})
    desk = made.desk(ALICE)
    desk.submit(order("shares", "10"))
    desk.submit(order("spread", "2", leg(NEXT_CALL, "buy", "open"), leg(NEXT_HIGHER, "sell", "open"), limit="3.00"))
    book = client.get("/control/book").json()["accounts"][ALICE]
    held = {row["symbol"]: (row["qty"], row["multiplier"]) for row in book["positions"]}
    assert held == {"SPY": ("10", "1"), NEXT_CALL: ("2", "100"), NEXT_HIGHER: ("-2", "100")}
    assert [(row["client_order_id"], row["status"], row["filled_qty"]) for row in book["orders"]] == [
        ("shares", "filled", "10"),
        ("spread", "filled", "2"),
    ]
    assert [leg["effect"] for leg in book["orders"][1]["legs"]] == ["open", "open"]
    assert [(fill["client_order_id"], fill["leg"], fill["number"]) for fill in book["fills"]] == [
        ("shares", 0, 1),
        ("spread", 0, 2),
        ("spread", 1, 3),
    ]
    spent = sum(
        (1 if fill["side"] == "buy" else -1)
        * Decimal(fill["qty"])
        * Decimal(fill["price"])
        * (1 if fill["symbol"] == "SPY" else 100)
        for fill in book["fills"]
    )
    assert Decimal(book["cash"]) == Decimal(book["starting_cash"]) - spent


def test_assignment_when_asked_for_then_the_book_has_its_two_rows(client: TestClient, made: Venue) -> None:
    client.post("/control/advance", json={"minutes": 2})
    made.desk(ALICE).submit(order("short", "1", leg(NEXT_PUT, "sell", "open")))
    answer = client.post("/control/assign", json={"account_id": ALICE, "symbol": NEXT_PUT})
    assert [(row["kind"], row["qty"]) for row in answer.json()["activities"]] == [
        ("assignment", "1"),
        ("delivery", "100"),
    ]
    again = client.post("/control/assign", json={"account_id": ALICE, "symbol": NEXT_PUT})
    assert again.status_code == 422


def test_activities_when_booked_then_cash_and_shares_move(client: TestClient, made: Venue) -> None:
    client.post("/control/advance", json={"minutes": 2})
    made.desk(ALICE).submit(order("shares", "10"))
    before = made.desk(ALICE).ledger.cash
    client.post(
        "/control/activities", json={"account_id": ALICE, "kind": "dividend", "amount": "12.50", "symbol": "SPY"}
    )
    client.post(
        "/control/activities",
        json={"account_id": ALICE, "kind": "split", "symbol": "SPY", "numerator": 3, "denominator": 2},
    )
    book = client.get("/control/book").json()["accounts"][ALICE]
    assert Decimal(book["cash"]) == before + Decimal("12.50")
    assert book["positions"][0]["qty"] == "15"
    assert [row["kind"] for row in book["activities"]] == ["dividend", "split"]


def test_account_when_it_is_changed_then_only_what_it_may_do_changes(client: TestClient, made: Venue) -> None:
    path = f"/control/accounts/{ALICE}"
    assert client.patch(path, json={"blocked": True, "options_level": 1}).status_code == 200
    settings = made.desk(ALICE).ledger.settings
    assert (settings.blocked, settings.options_level, settings.cash) == (True, 1, Decimal(100000))
    assert client.patch(path, json={"cash": "1"}).status_code == 422
    assert client.patch("/control/accounts/nobody", json={}).status_code == 422


def test_account_when_its_broker_numbers_its_accounts_then_it_is_changed_by_that_number(
    client: TestClient, made: Venue
) -> None:
    added = {"account_id": "5WT00001", "key": "bob", "secret": "bob", "cash": "1"}
    assert client.post("/control/accounts", json=added).status_code == 201
    assert client.patch("/control/accounts/5WT00001", json={"closing_only": True}).status_code == 200
    assert made.desk("5WT00001").ledger.settings.closing_only
    assert client.post("/control/accounts", json={**added, "account_id": "bob", "key": "b"}).status_code == 422


def test_faults_when_the_table_is_asked_for_then_every_switch_says_what_it_does(client: TestClient) -> None:
    table = client.get("/control/faults", params={"table": "1"}).json()["table"]
    assert {"partial_fills", "stuck_cancel", "half_day", "reset_after_accept"} <= set(table)
    for wrong in (
        {"switch": "nothing"},
        {"switch": "stuck_cancel", "count": 0},
        {"switch": "partial_fills", "least": 1},
        {"switch": "stuck_cancel", "percent": 0},
        {"switch": "stuck_cancel", "symbol": 3},
    ):
        assert client.post("/control/faults", json=wrong).status_code == 422
    client.post("/control/faults", json={"switch": "half_day"})
    assert client.get("/control/faults").json() == {"on": []}


def test_fault_when_it_strikes_by_chance_then_the_same_seed_strikes_at_the_same_places(made: Venue) -> None:
    struck = []
    for _ in range(2):
        made.faults.clear()
        made.faults.switch_on({"switch": "stuck_cancel", "count": -1, "percent": 30})
        struck.append([made.faults.take("stuck_cancel") is not None for _ in range(50)])
    assert struck[0] == struck[1]
    assert 5 < sum(struck[0]) < 30
