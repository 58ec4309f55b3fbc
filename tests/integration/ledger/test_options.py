"""Options: listed contracts and their latest quotes; their terms are the instrument's."""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal
from typing import Any

import psycopg
import pytest

from functions.core.ledger.market_data import ListedInstrument, ListedOption, MarketDataLedger, OptionQuote
from tests.integration.ledger.desk import NOON
from tests.integration.ledger.ledger import Ledger, refused
from tests.integration.ledger.market import CALL, MINUTE


def _listed(at: datetime = NOON, **more: Any) -> ListedOption:
    return ListedOption(**({"symbol": CALL, "feed": "indicative", "delay_seconds": 900, "listed_at": at} | more))


def _option_quote(at: datetime = NOON, **more: Any) -> OptionQuote:
    sizes = {"bid": "0", "ask": "0.05", "bid_size": "0", "ask_size": "7"}
    return OptionQuote(**({"symbol": CALL, "feed": "opra", "quoted_at": at, "delta": "-0.02"} | sizes | more))


def test_options_when_recorded_then_terms_are_the_instruments_and_older_news_changes_nothing(
    market: MarketDataLedger, fresh_ledger: Ledger
) -> None:
    market.upsert_instruments([ListedInstrument(symbol=CALL, kind="option")], "test", date(2018, 2, 5))
    assert market.record_option_data([_listed(open_interest=5)], [_option_quote()]) == 2
    assert market.record_option_data([_listed(open_interest=5)], [_option_quote()]) == 0
    older = NOON - MINUTE
    assert market.record_option_data([_listed(older, open_interest=9)], [_option_quote(older, ask="9")]) == 0
    assert market.record_option_data([], [_option_quote(NOON + MINUTE, bid="0.01")]) == 1
    assert fresh_ledger.rows(
        "select c.underlying, c.expires_on, c.option_right, c.strike, c.open_interest, c.feed, c.delay_seconds, q.bid, "
        "q.ask, q.delta, q.feed from public.option_contracts as c join public.option_quotes_latest as q using (symbol)"
    ) == [
        ("SPY", date(2018, 12, 21), "call", 250, 5, "indicative", 900, *map(Decimal, ("0.01", "0.05", "-0.02")), "opra")
    ]
    with pytest.raises(psycopg.errors.ForeignKeyViolation):
        fresh_ledger.run("update public.option_contracts set strike = 999")


@pytest.mark.parametrize(
    ("contract", "told", "code"),
    [
        ({}, {"bid": "-1"}, "BAD_OPTION_DATA"),
        ({}, {"ask": "NaN"}, "BAD_OPTION_DATA"),
        ({}, {"bid": "1", "ask": "0.5"}, "BAD_OPTION_DATA"),
        ({}, {"bid": "0", "ask": "0"}, "BAD_OPTION_DATA"),
        ({}, {"delta": "1.5"}, "BAD_OPTION_DATA"),
        ({}, {"implied_volatility": "-0.1"}, "BAD_OPTION_DATA"),
        ({}, {"quoted_at": "infinity"}, "BAD_OPTION_DATA"),
        ({"listed_at": "infinity"}, {}, "BAD_OPTION_DATA"),
        ({"open_interest": -1}, {}, "BAD_OPTION_DATA"),
        ({"close_price": "Infinity"}, {}, "BAD_OPTION_DATA"),
        ({"feed": None}, {}, "BAD_OPTION_DATA"),
        ({"symbol": "SPY"}, {}, "UNKNOWN_SYMBOL"),
        ({"symbol": "NOBODY"}, {}, "UNKNOWN_SYMBOL"),
        ({}, {"symbol": "SPY"}, "UNKNOWN_SYMBOL"),
    ],
    ids=str,
)
def test_option_when_it_makes_no_sense_then_nothing_of_the_batch_is_stored(
    market: MarketDataLedger, fresh_ledger: Ledger, contract: dict[str, Any], told: dict[str, Any], code: str
) -> None:
    market.upsert_instruments([ListedInstrument(symbol=CALL, kind="option")], "test", date(2018, 2, 5))
    arguments = {
        "p_contracts": [_listed().model_dump(mode="json") | contract],
        "p_quotes": [_option_quote().model_dump(mode="json") | told],
    }
    with refused(code, 422):
        fresh_ledger.call("record_option_data", "fn_ingest", **arguments)
    assert fresh_ledger.one("select count(*) from public.option_contracts") == 0
