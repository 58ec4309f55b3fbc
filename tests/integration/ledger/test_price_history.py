"""Stored bars in one unit, page by page: what SQL adjusts is what functions/core/history adjusts, to the last digit."""

from __future__ import annotations

import json
import random
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any, cast
from uuid import UUID

import pytest

from functions.core.history.adjusting import Adjusted, CorporateAction, adjusted_bars
from functions.core.history.bars import Bar
from tests.integration.ledger.desk import new_user
from tests.integration.ledger.ledger import Ledger, refused
from tests.integration.ledger.market import bar, record

FROM, UNTIL = datetime(2016, 1, 1, tzinfo=UTC), datetime(2016, 8, 1, tzinfo=UTC)
EVER_SO_LATE = {"p_from": "2015-01-01", "p_to": "2017-12-31"}


@pytest.fixture(scope="module")
def reader(ledger: Ledger) -> UUID:
    return new_user(ledger)


def read(ledger: Ledger, reader: UUID, symbol: str, **more: Any) -> dict[str, Any]:
    asked: dict[str, Any] = {"p_symbol": symbol, "p_timeframe": "1Day", "p_start": FROM, "p_end": UNTIL}
    answer: dict[str, Any] = ledger.call("price_history", "authenticated", reader, **asked | more)
    return answer


def listed(ledger: Ledger, symbol: str, bars: list[dict[str, Any]], actions: list[dict[str, Any]]) -> None:
    ledger.run("insert into public.instruments (symbol, kind, source) values (%s, 'equity', 'test')", symbol)
    record(ledger, bars)
    said = {"p_symbol": symbol, "p_actions": actions, "p_source": "test"}
    ledger.call("record_corporate_actions", "fn_ingest", **said | EVER_SO_LATE)


def day_bar(symbol: str, at: datetime, *prices: Decimal, volume: int = 1000) -> dict[str, Any]:
    opened, high, low, close = (str(price) for price in prices)
    numbers = {"open": opened, "high": high, "low": low, "close": close, "volume": str(volume)}
    return bar(at, symbol, timeframe="1Day", ends_at=(at + timedelta(hours=7)).isoformat(), **numbers)


def a_year(symbol: str, seed: int) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """Made days with odd prices, and odd splits and dividends, some on one date and some on days without a bar."""
    made = random.Random(seed)
    bars = []
    for number in range(200):
        if made.random() < 0.25:
            continue
        at = FROM + timedelta(days=number, hours=14)
        prices = sorted(Decimal(made.randrange(10**11, 10**13)) / 10**10 for _ in range(4))
        bars.append(day_bar(symbol, at, prices[1], prices[3], prices[0], prices[2], volume=made.randrange(10**9)))
    actions: list[dict[str, Any]] = []
    for _ in range(12):
        ex_date = (FROM + timedelta(days=made.randrange(5, 210))).date().isoformat()
        actions.append(
            {"kind": "cash_dividend", "ex_date": ex_date, "amount": str(Decimal(made.randrange(1, 999)) / 997 % 1)[:12]}
        )
        if made.random() < 0.5:
            ratio = made.choice(["2", "3", "0.1", "1.5", "0.3333333333", "7"])
            actions.append({"kind": "split", "ex_date": ex_date, "ratio": ratio})
    return bars, actions


@pytest.mark.parametrize("adjusted", ["none", "splits", "all"])
def test_price_history_when_adjusted_then_as_python_adjusts_it(ledger: Ledger, reader: UUID, adjusted: str) -> None:
    symbol = f"PH.{adjusted[0].upper()}"
    bars, actions = a_year(symbol, seed=7)
    listed(ledger, symbol, bars, actions)
    found = read(ledger, reader, symbol, p_adjusted=adjusted)
    told = json.dumps(ledger.call("corporate_actions_of", "fn_report", p_symbol=symbol, p_until="2016-07-31"))
    effective = [
        CorporateAction(
            kind=action["kind"],
            ex_date=datetime.fromisoformat(action["ex_date"]).date(),
            ratio=action["ratio"] and Decimal(action["ratio"]),
            amount=action["amount"] and Decimal(action["amount"]),
        )
        for action in json.loads(told)
    ]
    stored = [
        Bar(*(cast("Any", value) for value in row))
        for row in ledger.rows(
            "select starts_at, ends_at, open, high, low, close, volume, feed, delay_seconds from public.bars "
            "where symbol = %s and starts_at < %s order by starts_at",
            symbol,
            UNTIL,
        )
    ]
    expected = adjusted_bars(stored, effective, cast("Adjusted", adjusted))
    assert len(expected) > 100
    assert [[Decimal(one[name]) for name in ("open", "high", "low", "close", "volume")] for one in found["bars"]] == [
        [one.open, one.high, one.low, one.close, one.volume] for one in expected
    ]


def test_price_history_when_read_in_pages_then_as_in_one(ledger: Ledger, reader: UUID) -> None:
    bars, actions = a_year("PH.P", seed=8)
    listed(ledger, "PH.P", bars, actions)
    whole = read(ledger, reader, "PH.P")
    seen: list[dict[str, Any]] = []
    more: dict[str, Any] = {"p_limit": 40}
    while True:
        page = read(ledger, reader, "PH.P", **more)
        seen += page["bars"]
        more["p_after"] = seen[-1]["starts_at"]
        if not page["more"]:
            break
    assert (seen, whole["more"]) == (whole["bars"], False)


def test_price_history_when_a_split_comes_after_the_end_then_it_changes_nothing(ledger: Ledger, reader: UUID) -> None:
    at = FROM + timedelta(days=3, hours=14)
    split = {"kind": "split", "ex_date": "2016-01-06", "ratio": "4"}
    listed(ledger, "PH.F", [day_bar("PH.F", at, *[Decimal(100)] * 4)], [split])
    ex_date = datetime(2016, 1, 6, 5, tzinfo=UTC)  # Midnight in New York.
    for end, close in ((ex_date, "100"), (ex_date + timedelta(microseconds=1), "25")):
        assert [one["close"] for one in read(ledger, reader, "PH.F", p_end=end)["bars"]] == [close]


@pytest.mark.parametrize("amount", ["100", "1"])
def test_price_history_when_a_dividend_has_no_close_to_be_held_against_then_refused(
    ledger: Ledger, reader: UUID, amount: str
) -> None:
    symbol = f"PH.R{len(amount)}"
    at = FROM + timedelta(days=3, hours=14)
    ex_date = "2016-01-05" if amount == "100" else "2016-01-15"  # Not below the close; eleven days after it.
    dividend = {"kind": "cash_dividend", "ex_date": ex_date, "amount": amount}
    listed(ledger, symbol, [day_bar(symbol, at, *[Decimal(100)] * 4)], [dividend])
    with refused("NO_REFERENCE_PRICE", 422):
        read(ledger, reader, symbol, p_adjusted="all")
    assert read(ledger, reader, symbol)["bars"][0]["close"] == "100"


def test_price_history_when_the_archive_alone_has_a_month_then_it_is_said_to_be_missing(
    ledger: Ledger, reader: UUID
) -> None:
    listed(ledger, "PH.Z", [], [])
    for timeframe, month, in_postgres in (
        ("1Min", "2016-02-01", False),
        ("1Min", "2016-03-01", False),
        ("1Day", "2016-03-01", True),
        ("1Day", "2016-04-01", False),
        ("1Min", "2016-09-01", False),
    ):
        ledger.run(
            "insert into public.archived_months (symbol, timeframe, month, bars, key, digest, in_postgres) "
            "values ('PH.Z', %s, %s, 1, 'key', repeat('0', 64), %s)",
            timeframe,
            month,
            in_postgres,
        )
    found = read(ledger, reader, "PH.Z")
    assert (found["bars"], found["archived_months"]) == ([], ["2016-02", "2016-04"])


@pytest.mark.parametrize(
    ("more", "code", "status"),
    [
        ({"p_symbol": "NOSUCH"}, "NO_SUCH_SYMBOL", 404),
        ({"p_timeframe": "2Min"}, "BAD_HISTORY", 422),
        ({"p_adjusted": "some"}, "BAD_HISTORY", 422),
        ({"p_end": FROM}, "BAD_RANGE", 422),
        ({"p_end": None}, "BAD_RANGE", 422),
        ({"p_start": "-infinity"}, "BAD_RANGE", 422),
    ],
)
def test_price_history_when_asked_for_what_is_none_then_refused(
    ledger: Ledger, reader: UUID, more: dict[str, Any], code: str, status: int
) -> None:
    with refused(code, status):
        read(ledger, reader, "SPY", **more)


def test_price_history_when_its_reader_is_shut_out_then_refused(ledger: Ledger) -> None:
    person = new_user(ledger)
    ledger.run("update public.profiles set disabled = true, disabled_reason = 'a test' where user_id = %s", person)
    with refused("USER_DISABLED", 403):
        read(ledger, person, "SPY")
