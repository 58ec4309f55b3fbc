"""Days without new positions: entered and removed by whose orders they keep back."""

from __future__ import annotations

from uuid import uuid4

from tests.api.conftest import Caller

DATES = {"kind": "earnings", "symbol": "SPY", "from_date": "2030-04-01", "until_date": "2030-04-03"}


def test_blackout_when_entered_then_listed_on_its_days_until_it_is_removed(owner: Caller, stranger: Caller) -> None:
    made = owner.post("/risk/blackouts", DATES | {"reason": "the quarter"})
    assert (made.status_code, made.json()["for_everybody"], made.json()["reason"]) == (201, False, "the quarter")
    same = owner.post("/risk/blackouts", DATES | {"reason": "the quarter"})
    assert same.json()["id"] == made.json()["id"]
    for day, count in (("2030-04-03", 1), ("2030-04-04", 0)):
        assert len(owner.get("/risk/blackouts", params={"on": day, "symbol": "SPY"}).json()["data"]) == count
    path = f"/risk/blackouts/{made.json()['id']}"
    assert stranger.delete(path).status_code == 404
    assert owner.delete(path).status_code == 204
    assert owner.delete(path).status_code == 204
    assert owner.get("/risk/blackouts", params={"on": "2030-04-03", "symbol": "SPY"}).json()["data"] == []


def test_blackout_when_the_ledger_refuses_it_then_its_code(owner: Caller) -> None:
    for more, status, code in (
        ({"until_date": "2030-03-01"}, 422, "BAD_BLACKOUT"),
        ({"symbol": "NOSUCH"}, 422, "UNKNOWN_SYMBOL"),
        ({"for_everybody": True}, 403, "ADMINISTRATOR_NEEDED"),
    ):
        answer = owner.post("/risk/blackouts", DATES | more)
        assert (answer.status_code, answer.json()["code"]) == (status, code), answer.text


def test_blackout_when_the_day_is_none_then_422_names_it(owner: Caller) -> None:
    answer = owner.post("/risk/blackouts", DATES | {"from_date": "2030-02-30"})
    assert (answer.status_code, answer.json()["errors"][0]["field"]) == (422, "body.from_date")
    assert owner.delete(f"/risk/blackouts/{uuid4()}").status_code == 404
