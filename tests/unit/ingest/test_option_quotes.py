"""Quotes of options: what is needed is asked for, rows come before the wake-up, and what is strange is told of."""

from __future__ import annotations

import asyncio
import base64
import json
from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from typing import Any, cast

import pytest

from functions.brokers.errors import Rejected
from functions.brokers.markets import Listing, OptionQuote
from functions.brokers.protocol import MarketData, Quarantined
from functions.core.errors import BadInput
from functions.core.identity import named_uuid
from functions.core.instruments import OPTION_TICKS, Terms, instrument
from functions.core.ledger.errors import LedgerRefused
from functions.core.ledger.market_data import MarketDataLedger, NeededOption
from functions.ingest import handlers
from functions.ingest.options import OptionQuotes
from tests.unit.core.doubles import NOW, World

CALL, PUT = "SPY260116C00500000", "SPY260116P00500000"
D = Decimal
QUOTE = OptionQuote(
    symbol=CALL,
    quoted_at=NOW,
    bid=D("1.00"),
    ask=D("1.10"),
    bid_size=D(5),
    delta=D("0.5"),
    feed="test",
    delay_seconds=9,
)


class Source:
    """Answers what it was told to, and keeps what it was asked."""

    feed = "test"

    def __init__(self, *quotes: OptionQuote | Quarantined, multiplier: str | None = "100") -> None:
        self.quotes, self.multiplier = quotes, multiplier
        self.asked: list[Any] = []

    async def option_quotes(self, symbols: Sequence[str]) -> list[OptionQuote | Quarantined]:
        self.asked.append(list(symbols))
        return list(self.quotes)

    async def listing(self, symbol: str) -> Listing | None:
        self.asked.append(symbol)
        if self.multiplier is None:
            return None
        terms = Terms(D(self.multiplier), OPTION_TICKS)
        return Listing(instrument=instrument(symbol, terms), name=symbol, tradable=True, lot=D(1))


def needed(symbol: str = CALL, *, listed: bool = True) -> NeededOption:
    return NeededOption(symbol=symbol, underlying="SPY", multiplier=D(100), listed=listed)


def refresh(world: World, source: Source, *options: NeededOption) -> int:
    made = OptionQuotes(world.ports, MarketDataLedger(world.ledger), cast("MarketData", source))
    return asyncio.run(made.refresh(options))


def test_refresh_when_quoted_then_rows_marks_and_the_hot_store_come_before_the_wake_up() -> None:
    world, source = World(), Source(QUOTE)
    assert refresh(world, source, needed()) == 1
    assert world.said() == ["record_option_data", "upsert_marks", f"put quote:{CALL}", "publish market-data-options"]
    (stored,) = world.asked("record_option_data")
    assert stored["p_contracts"] == []
    (row,) = stored["p_quotes"]
    assert (row["bid"], row["delta"], row["delay_seconds"]) == ("1", "0.5", 9)
    (marks,) = world.asked("upsert_marks")
    assert marks["p_marks"][0]["mark"] == "1.05"
    (put,) = world.asked(f"put quote:{CALL}")
    assert (put["underlying"], put["ask"], put["feed"], put["delay_seconds"]) == ("SPY", "1.1", "test", 9)
    assert source.asked == [[CALL]]


def test_refresh_when_it_is_not_listed_yet_then_its_listing_is_asked_for_and_stored_with_it() -> None:
    world, source = World(), Source(QUOTE)
    assert refresh(world, source, needed(listed=False)) == 1
    assert source.asked == [CALL, [CALL]]
    (stored,) = world.asked("record_option_data")
    assert stored["p_contracts"][0]["symbol"] == CALL


@pytest.mark.parametrize("multiplier", [None, "10"])
def test_refresh_when_the_feed_lists_none_or_another_multiplier_then_told_and_never_quoted(
    multiplier: str | None,
) -> None:
    world, source = World(), Source(QUOTE, multiplier=multiplier)
    assert refresh(world, source, needed(listed=False)) == 0
    assert world.said() == ["raise_alert"]
    assert source.asked == [CALL]


@pytest.mark.parametrize(
    "strange",
    [
        Quarantined("a test", "{}"),
        replace(QUOTE, quoted_at=NOW + timedelta(seconds=6)),
        replace(QUOTE, ask=None),
        replace(QUOTE, bid=D(2)),
        replace(QUOTE, symbol="SPY260116C00999000"),
    ],
)
def test_refresh_when_one_answer_is_no_market_then_the_others_are_kept(strange: OptionQuote | Quarantined) -> None:
    world = World({"record_findings": 1})
    other = replace(QUOTE, symbol=PUT, bid=None)
    assert refresh(world, Source(strange, other), needed(), needed(PUT)) == 1
    counted = [row["symbol"] for given in world.asked("record_findings") for row in given["p_findings"]]
    # What nobody asked for is none of our business.
    asked_for = isinstance(strange, Quarantined) or strange.symbol == CALL
    assert counted == ([strange.symbol] if asked_for else [])
    (stored,) = world.asked("record_option_data")
    assert [(row["symbol"], row["bid"]) for row in stored["p_quotes"]] == [(PUT, "0")]


def test_refresh_when_the_ledger_refuses_one_quote_then_it_is_told_and_the_others_are_kept() -> None:
    def refuse(said: dict[str, Any]) -> int:
        if CALL in {row["symbol"] for row in said["p_quotes"]}:
            raise LedgerRefused("BAD_OPTION_DATA", "a test", 422)
        return 1

    world = World({"record_option_data": refuse})
    other = replace(QUOTE, symbol=PUT)
    assert refresh(world, Source(QUOTE, other), needed(), needed(PUT)) == 1
    assert world.said("put") == [f"put quote:{PUT}"]
    (alert,) = world.asked("raise_alert")
    assert CALL in alert["p_text"]


def test_refresh_when_the_feed_refuses_to_list_one_then_the_others_are_quoted() -> None:
    class Refusing(Source):
        async def listing(self, symbol: str) -> Listing | None:
            if symbol == CALL:
                raise Rejected("BAD_REQUEST", "a test")
            return await super().listing(symbol)

    world = World()
    source = Refusing(replace(QUOTE, symbol=PUT))
    assert refresh(world, source, needed(listed=False), needed(PUT, listed=False)) == 1
    assert world.said("raise_alert", "put") == ["raise_alert", f"put quote:{PUT}"]


def test_refresh_when_nothing_is_quoted_then_nothing_is_written() -> None:
    world = World()
    assert refresh(world, Source(), needed()) == 0
    assert world.said() == []


# --- what wakes it ----------------------------------------------------------------------------------------------------


def placed(symbol: str, kind: str = "trade.placed") -> dict[str, Any]:
    trade = {"trade_id": 1, "user_id": 2, "broker_account_id": 3}
    data = {name: str(named_uuid(number)) for name, number in trade.items()}
    event = {
        "id": str(named_uuid("event")),
        "type": kind,
        "key": "k",
        "occurred_at": NOW.isoformat(),
        "data": data | {"symbol": symbol, "status": "pending", "version": 1},
    }
    return {"message": {"data": base64.b64encode(json.dumps(event).encode()).decode()}}


NEEDED = {"symbol": CALL, "underlying": "SPY", "multiplier": "100", "listed": True}


def test_handlers_when_an_option_is_ordered_or_the_minute_comes_then_what_is_needed_is_looked_for(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    world = World({"options_needed": []})
    monkeypatch.setattr(handlers, "ports", lambda _: world.ports)
    handlers.quote_ordered_options(placed("SPY"))
    assert world.said() == []
    handlers.quote_ordered_options(placed(CALL))
    handlers.quote_open_options({})
    assert world.asked("options_needed") == [{"p_now": NOW.isoformat()}] * 2
    with pytest.raises(BadInput, match="WRONG_EVENT"):
        handlers.quote_ordered_options(placed(CALL, "trade.filled"))


def test_handlers_when_nobody_has_a_data_credential_then_told_and_the_orders_wait(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    world = World({"options_needed": [NEEDED], "data_accounts": []})
    monkeypatch.setattr(handlers, "ports", lambda _: world.ports)
    handlers.quote_open_options({})
    (alert,) = world.asked("raise_alert")
    assert alert["p_code"] == "NO_OPTION_QUOTES"
