"""The exits of positions: armed, changed and taken away by whose position it is."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from uuid import uuid4

import pytest

from tests.api.conftest import Caller


@pytest.fixture(scope="module")
def holder(sign_up: Callable[[str], Caller]) -> Caller:
    """Somebody whose strategy holds ten shares of SPY."""
    person = sign_up("holder")
    assert person.desk is not None
    person.desk.hold("10")
    return person


def exit_of(person: Caller, **more: Any) -> dict[str, Any]:
    assert person.desk is not None
    of = {"broker_account_id": str(person.desk.account), "strategy_id": str(person.desk.strategy), "symbol": "SPY"}
    return of | {"stop_price": "90", "target_price": "110.0000000001"} | more


def test_exit_when_set_changed_and_canceled_then_one_row_all_the_way(holder: Caller) -> None:
    armed = holder.put("/risk/exits", exit_of(holder))
    assert armed.status_code == 200, armed.text
    assert (armed.json()["status"], armed.json()["target_price"]) == ("armed", "110.0000000001")
    changed = holder.put("/risk/exits", exit_of(holder, trail_percent="5"))
    assert (changed.json()["id"], changed.json()["trail_percent"]) == (armed.json()["id"], "5")
    path = f"/risk/exits/{armed.json()['id']}"
    assert holder.get(path).headers["ETag"] == f'"{changed.json()["version"]}"'
    live = holder.get("/risk/exits", params={"status": "armed"}).json()["data"]
    assert [row["id"] for row in live] == [armed.json()["id"]]
    for _ in range(2):
        canceled = holder.delete(path)
        assert (canceled.status_code, canceled.json()["status"]) == (200, "canceled")


def test_exit_when_the_ledger_refuses_it_then_its_code(holder: Caller) -> None:
    for more, code in (
        ({"stop_price": "120"}, "BAD_EXIT"),
        ({"trail_amount": "1", "trail_percent": "1"}, "BAD_EXIT"),
        ({"symbol": "IWM"}, "NO_POSITION"),
    ):
        answer = holder.put("/risk/exits", exit_of(holder, **more))
        assert (answer.status_code, answer.json()["code"]) == (422, code), answer.text


def test_exit_when_it_is_anothers_then_404(holder: Caller, stranger: Caller) -> None:
    theirs = holder.put("/risk/exits", exit_of(holder)).json()["id"]
    for answer in (
        stranger.get(f"/risk/exits/{theirs}"),
        stranger.delete(f"/risk/exits/{theirs}"),
        stranger.put("/risk/exits", exit_of(holder)),
        holder.get(f"/risk/exits/{uuid4()}"),
    ):
        assert answer.status_code == 404, answer.text


def test_exit_when_a_price_is_zero_then_422_names_it(holder: Caller) -> None:
    answer = holder.put("/risk/exits", exit_of(holder, stop_price="0"))
    assert (answer.status_code, answer.json()["errors"][0]["field"]) == (422, "body.stop_price")
