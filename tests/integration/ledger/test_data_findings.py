"""What the data-quality gate finds is counted once, by day, symbol, feed and kind."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest

from functions.core.ledger.market_data import FoundInData, MarketDataLedger
from tests.integration.ledger.desk import NOON
from tests.integration.ledger.ledger import Ledger, refused


def finding(at: datetime = NOON, **more: Any) -> dict[str, Any]:
    return {"symbol": "SPY", "feed": "iex", "kind": "spike", "at": at.isoformat(), "count": 1, "sample": "far"} | more


def told(ledger: Ledger, findings: list[dict[str, Any]], name: UUID | None = None) -> int:
    written: int = ledger.call("record_findings", "fn_ingest", p_id=name or uuid4(), p_findings=findings)
    return written


def test_findings_when_told_then_they_add_up_by_day_symbol_feed_and_kind(fresh_ledger: Ledger) -> None:
    later = NOON + timedelta(hours=1)
    assert (
        told(fresh_ledger, [finding(later, count=3), finding(sample="first"), finding(kind="gap"), finding(feed="x")])
        == 3
    )
    assert (
        told(fresh_ledger, [finding(NOON + timedelta(days=1)), finding(NOON - timedelta(minutes=1), sample="before")])
        == 2
    )
    rows = fresh_ledger.rows(
        "select session_date, count, first_at, last_at, sample from public.data_findings "
        "where kind = 'spike' and feed = 'iex' order by 1"
    )
    day: date = NOON.date()
    assert rows == [
        (day, 5, NOON - timedelta(minutes=1), later, "before"),
        (day + timedelta(days=1), 1, NOON + timedelta(days=1), NOON + timedelta(days=1), "far"),
    ]


def test_findings_when_they_are_told_again_then_they_are_counted_once(fresh_ledger: Ledger) -> None:
    name = uuid4()
    assert told(fresh_ledger, [finding()], name) == 1
    assert told(fresh_ledger, [finding()], name) == 0
    assert fresh_ledger.one("select count from public.data_findings") == 1


@pytest.mark.parametrize("wrong", [{"kind": "odd"}, {"count": 0}, {"at": "infinity"}, {"sample": None}, {"feed": ""}])
def test_finding_when_it_makes_no_sense_then_all_are_refused_and_may_be_told_again(
    fresh_ledger: Ledger, wrong: dict[str, Any]
) -> None:
    name = uuid4()
    with refused("BAD_FINDING", 422):
        told(fresh_ledger, [finding(), finding() | wrong], name)
    assert told(fresh_ledger, [finding()], name) == 1


def test_typed_findings_when_told_then_they_are_counted(market: MarketDataLedger, fresh_ledger: Ledger) -> None:
    assert (
        market.record_findings(uuid4(), [FoundInData(symbol="", feed="iex", kind="malformed", at=NOON, sample="?")])
        == 1
    )
    assert fresh_ledger.one("select symbol from public.data_findings") == ""
