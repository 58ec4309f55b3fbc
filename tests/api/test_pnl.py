"""Profit and loss by the API: of days as reported, and now."""

from __future__ import annotations

from decimal import Decimal

from tests.api.conftest import Caller


def test_daily_pnl_when_reported_then_by_day_and_account(owner: Caller) -> None:
    assert owner.desk is not None
    asked = {"broker_account_id": str(owner.desk.account), "from": "2013-10-07", "to": "2013-10-07"}
    (report,) = owner.get("/pnl/daily", params=asked).json()["data"]
    assert (report["report_date"], report["broker_account_id"]) == ("2013-10-07", str(owner.desk.account))
    assert isinstance(report["realised_pnl"], str)
    assert owner.get("/pnl/daily", params={"from": "2013-10-08"}).json()["data"] == []
    malformed = owner.get("/pnl/daily", params={"from": "7 October"})
    assert (malformed.status_code, malformed.json()["errors"][0]["field"]) == (422, "query.from")


def test_current_pnl_when_something_open_has_no_mark_then_it_has_no_result_and_is_named(owner: Caller) -> None:
    assert owner.desk is not None
    pnl = owner.get("/pnl/current").json()
    open_symbols = {row["symbol"] for row in pnl["positions"]}
    unmarked = {row["symbol"] for row in pnl["positions"] if row["mark"] is None}
    assert open_symbols
    assert all(row["result"] is None for row in pnl["positions"] if row["mark"] is None)
    (whole,) = (row for row in pnl["results"] if row["scope"] == "user")
    assert set(whole["missing"]) == unmarked
    assert (whole["result"] is None) == bool(unmarked)


def test_current_pnl_when_marked_then_the_result_is_realised_and_unrealised_less_fees(owner: Caller) -> None:
    for row in owner.get("/pnl/current").json()["positions"]:
        if row["mark"] is not None:
            parts = Decimal(row["realised_pnl"]) + Decimal(row["unrealised_pnl"]) - Decimal(row["fees"])
            assert Decimal(row["result"]) == parts


def test_pnl_when_anothers_account_is_named_then_empty(owner: Caller, stranger: Caller) -> None:
    assert owner.desk is not None
    asked = {"broker_account_id": str(owner.desk.account)}
    assert stranger.get("/pnl/daily", params=asked).json()["data"] == []
    assert stranger.get("/pnl/current", params=asked).json() == {"results": [], "positions": []}
