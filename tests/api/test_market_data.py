"""Quotes with their age, bars in one unit, options with their chain: shared by everybody who is signed in."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tests.api.conftest import Caller
from tests.integration.ledger.desk import NOON
from tests.integration.ledger.ledger import Ledger
from tests.integration.ledger.market import bar, quote, record

START = datetime(2014, 6, 2, 14, tzinfo=UTC)
RANGE = {"from": "2014-06-01T00:00:00Z", "until": "2014-07-01T00:00:00Z"}
OPTIONS = [f"API140621{right}{strike:08}" for right, strike in (("C", 100000), ("P", 100000), ("C", 110000))]


@pytest.fixture(scope="module", autouse=True)
def market(ledger: Ledger) -> None:
    """Three days of a share that splits on the second, and three options of which one is quoted."""
    ledger.run("insert into public.instruments (symbol, kind, source) values ('API', 'equity', 'test')")
    days = [START + timedelta(days=number) for number in range(3)]
    record(
        ledger,
        [bar(day, "API", timeframe="1Day", ends_at=(day + timedelta(hours=6)).isoformat()) for day in days],
        [quote(NOON, symbol="API", bid="9.8765432101", delay_seconds=900)],
    )
    actions = [
        {"kind": "split", "ex_date": "2014-06-03", "ratio": "2"},
        {"kind": "cash_dividend", "ex_date": "2014-06-04", "amount": "1.1"},
    ]
    said = {"p_symbol": "API", "p_actions": actions, "p_source": "test", "p_from": "2014-01-01", "p_to": "2014-12-31"}
    ledger.call("record_corporate_actions", "fn_ingest", **said)
    listed = [{"symbol": symbol, "kind": "option", "multiplier": "100"} for symbol in OPTIONS]
    ledger.call("upsert_instruments", "fn_ingest", p_instruments=listed, p_source="test", p_as_of="2014-06-01")
    contracts = [{"symbol": symbol, "feed": "test", "listed_at": START.isoformat()} for symbol in OPTIONS]
    told = quote(START, symbol=OPTIONS[0], bid="0", delta="0.5")
    ledger.call("record_option_data", "fn_ingest", p_contracts=contracts, p_quotes=[told])
    chain = {"underlying": "API", "bar_at": START.isoformat(), "taken_at": START.isoformat(), "feed": "test"}
    ledger.call("record_chain", "fn_ingest", p_chain=chain | {"spot": "101.5", "asked": 3, "quotes": [told]})


def test_quote_when_there_is_one_then_with_its_age_its_feed_and_every_digit(stranger: Caller) -> None:
    told = stranger.get("/market-data/quotes/API").json()
    assert (told["bid"], told["feed"], told["delay_seconds"]) == ("9.8765432101", "test", 900)
    assert told["greeks"] is None
    assert told["age_seconds"] > (datetime(2026, 1, 1, tzinfo=UTC) - NOON).total_seconds()


def test_quote_when_it_is_of_an_option_then_with_greeks_and_what_is_missing_stays_missing(stranger: Caller) -> None:
    told = stranger.get(f"/market-data/quotes/{OPTIONS[0]}").json()
    assert (told["bid"], told["greeks"]["delta"], told["greeks"]["vega"]) == ("0", "0.5", None)


@pytest.mark.parametrize("symbol", ["NOSUCH", OPTIONS[1]])
def test_quote_when_nobody_has_quoted_it_then_404(stranger: Caller, symbol: str) -> None:
    answer = stranger.get(f"/market-data/quotes/{symbol}")
    assert (answer.status_code, answer.json()["code"]) == (404, "NO_QUOTE")


@pytest.mark.parametrize(
    ("adjusted", "closes"),
    [
        ("raw", ["11", "11", "11"]),
        ("split", ["5.5", "11", "11"]),
        ("total", ["4.95", "9.9", "11"]),
    ],
)
def test_history_when_adjusted_then_in_the_unit_that_was_asked_for(
    stranger: Caller, adjusted: str, closes: list[str]
) -> None:
    found = stranger.get("/market-data/history/API", params=RANGE | {"adjusted": adjusted}).json()
    assert [one["close"] for one in found["data"]] == closes
    assert (found["next_cursor"], found["archived_months"]) == (None, [])


def test_history_when_paged_then_each_bar_once(stranger: Caller) -> None:
    asked: dict[str, Any] = RANGE | {"limit": 2}
    first = stranger.get("/market-data/history/API", params=asked).json()
    rest = stranger.get("/market-data/history/API", params=asked | {"cursor": first["next_cursor"]}).json()
    starts = [datetime.fromisoformat(one["starts_at"]) for one in first["data"] + rest["data"]]
    assert (starts, rest["next_cursor"]) == ([START + timedelta(days=number) for number in range(3)], None)


def test_history_when_asked_wrongly_then_the_reason(stranger: Caller) -> None:
    for path, more, status, code in (
        ("NOSUCH", {}, 404, "NO_SUCH_SYMBOL"),
        ("API", {"timeframe": "2Min"}, 422, "MALFORMED"),
        ("API", {"until": RANGE["from"]}, 422, "BAD_RANGE"),
        ("API", {"cursor": "WyJub3ciXQ"}, 422, "BAD_CURSOR"),
        ("api", {}, 422, "MALFORMED"),
    ):
        answer = stranger.get(f"/market-data/history/{path}", params=RANGE | more)
        assert (answer.status_code, answer.json()["code"]) == (status, code), answer.text


def test_options_when_listed_then_by_strike_with_the_latest_quote_or_none(stranger: Caller) -> None:
    found = stranger.get("/market-data/options/API", params={"limit": 2}).json()
    assert [(one["symbol"], one["quote"] is None) for one in found["data"]] == [
        (OPTIONS[0], False),
        (OPTIONS[1], True),
    ]
    assert found["data"][0]["quote"]["greeks"]["delta"] == "0.5"
    rest = stranger.get("/market-data/options/API", params={"limit": 2, "cursor": found["next_cursor"]}).json()
    assert [one["strike"] for one in rest["data"]] == ["110"]
    puts = stranger.get("/market-data/options/API", params={"right": "put", "strike_until": "100"}).json()
    assert [one["symbol"] for one in puts["data"]] == [OPTIONS[1]]
    assert stranger.get("/market-data/options/NOSUCH").status_code == 404


def test_chain_when_taken_then_as_of_the_newest_bar_by_then(stranger: Caller) -> None:
    told = stranger.get("/market-data/options/API/chain").json()
    assert (told["spot"], [one["symbol"] for one in told["quotes"]]) == ("101.5", [OPTIONS[0]])
    early = stranger.get("/market-data/options/API/chain", params={"at": "2014-06-02T13:59:59Z"})
    assert (early.status_code, early.json()["code"]) == (404, "NO_CHAIN")


def test_market_data_when_a_key_may_not_read_then_403(owner: Caller, key_of: Callable[..., Caller]) -> None:
    program = key_of(owner, "trade")
    for path in ("quotes/API", "options/API", "options/API/chain"):
        assert program.get(f"/market-data/{path}").status_code == 403
    assert program.get("/market-data/history/API", params=RANGE).status_code == 403
