"""Backtests over the API: asked for once, followed, cancelled by whose they are."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from uuid import uuid4

from tests.api.conftest import Caller
from tests.integration.ledger.ledger import Ledger

YEAR = {"starts_on": "2013-01-01", "ends_on": "2013-12-31"}


def of_kind(**more: Any) -> dict[str, Any]:
    return YEAR | {"kind": "by_hand", "config": {"a": 1}, "symbols": ["SPY"], "timeframe": "1Day"} | more


def test_backtest_when_asked_for_then_queued_once_and_canceled(owner: Caller) -> None:
    assert owner.desk is not None
    named = {"Idempotency-Key": str(uuid4())}
    said = YEAR | {"strategy_id": str(owner.desk.strategy)}
    made = owner.post("/backtests", said, headers=named)
    assert made.status_code == 201, made.text
    run = made.json()
    assert (run["status"], run["kind"], run["symbols"]) == ("queued", "by_hand", ["SPY", "IWM"])
    assert owner.post("/backtests", said, headers=named).json()["id"] == run["id"]
    reused = owner.post("/backtests", said | {"ends_on": "2013-06-01"}, headers=named)
    assert (reused.status_code, reused.json()["code"]) == (422, "IDEMPOTENCY_KEY_REUSED")
    canceled = owner.post(f"/backtests/{run['id']}/cancel")
    assert (canceled.status_code, canceled.json()["status"]) == (200, "canceled")
    listed = owner.get("/backtests", params={"status": "canceled", "strategy_id": said["strategy_id"]}).json()["data"]
    assert run["id"] in {one["id"] for one in listed}


def test_backtest_when_it_has_trials_then_they_are_read_in_order(owner: Caller, ledger: Ledger) -> None:
    run = owner.post("/backtests", of_kind(purpose="optimise")).json()["id"]
    ledger.run(
        "insert into public.backtest_trials (backtest_id, trial, user_id, config, result) "
        "select %s, n, %s, '{}', '{\"pnl\": \"0.1234567891\"}' from generate_series(1, 3) as n",
        run,
        owner.id,
    )
    first = owner.get(f"/backtests/{run}/trials", params={"limit": 2}).json()
    rest = owner.get(f"/backtests/{run}/trials", params={"limit": 2, "cursor": first["next_cursor"]}).json()
    assert [one["trial"] for one in first["data"] + rest["data"]] == [1, 2, 3]
    assert rest["data"][0]["result"] == {"pnl": "0.1234567891"}


def test_backtest_when_it_is_anothers_then_404(owner: Caller, stranger: Caller) -> None:
    assert owner.desk is not None
    run = owner.post("/backtests", of_kind()).json()["id"]
    for answer in (
        stranger.get(f"/backtests/{run}"),
        stranger.get(f"/backtests/{run}/trials"),
        stranger.post(f"/backtests/{run}/cancel"),
        stranger.post("/backtests", YEAR | {"strategy_id": str(owner.desk.strategy)}),
    ):
        assert answer.status_code == 404, answer.text
    assert owner.get(f"/backtests/{run}").json()["status"] == "queued"


def test_backtest_when_asked_wrongly_then_the_reason(owner: Caller, key_of: Callable[..., Caller]) -> None:
    for said, status, code in (
        (of_kind(kind="no_such"), 422, "UNKNOWN_KIND"),
        (of_kind(config={"a": "x" * 4000}), 422, "BAD_BACKTEST"),
        (of_kind(ends_on="2012-01-01"), 422, "BAD_BACKTEST"),
        (of_kind(symbols=[]), 422, "MALFORMED"),
        (of_kind(colour="red"), 422, "MALFORMED"),
    ):
        answer = owner.post("/backtests", said)
        assert (answer.status_code, answer.json()["code"]) == (status, code), answer.text
    assert key_of(owner, "read", "trade").post("/backtests", of_kind()).status_code == 403
    unnamed = owner.ask("POST", "/backtests", json=of_kind(), headers={"Idempotency-Key": ""})
    assert unnamed.status_code in (400, 422)
