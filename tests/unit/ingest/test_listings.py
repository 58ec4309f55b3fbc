"""What brokers list of the watched shares: each by itself, and nothing is taken back on half a list."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import Any, cast

import pytest

from functions.brokers.errors import NotConnected, Rejected, Unsupported
from functions.brokers.markets import CorporateAction, Listing, MarketClock
from functions.brokers.protocol import MarketData, Quarantined
from functions.core.instruments import instrument
from functions.core.ledger.errors import LedgerRefused
from functions.core.ledger.market_data import MarketDataLedger
from functions.ingest.listings import sync_corporate_actions, sync_listings
from tests.unit.core.doubles import NOW, World

WATCHED = {"symbols": ["SPY"], "left_out": ["IWM"]}
PAID = CorporateAction(symbol="SPY", kind="cash_dividend", ex_date=date(2025, 12, 19), amount=Decimal("1.99"))
SPLIT = CorporateAction(symbol="SPY", kind="split", ex_date=date(2025, 6, 2), ratio=Decimal(2))


class Source:
    """Lists what it was told to."""

    feed = "test"

    def __init__(self, **lists: Any) -> None:
        self.lists = lists

    async def clock(self) -> MarketClock:
        return MarketClock(now=NOW, is_open=True)

    async def listing(self, symbol: str) -> Listing | None:
        return cast("Listing | None", self._answer(symbol))

    async def corporate_actions(self, symbol: str, start: date, end: date) -> list[CorporateAction | Quarantined]:
        assert start < NOW.date() < end
        return cast("list[CorporateAction | Quarantined]", self._answer(symbol) or [])

    def _answer(self, symbol: str) -> Any:
        answer = self.lists.get(symbol)
        if isinstance(answer, Exception):
            raise answer
        return answer


def listing(symbol: str, *, tradable: bool = True, shortable: bool | None = True) -> Listing:
    return Listing(
        instrument=instrument(symbol),
        name=f"{symbol} fund",
        tradable=tradable,
        lot=Decimal("1e-9"),
        shortable=shortable,
    )


def world(**answers: Any) -> tuple[World, MarketDataLedger]:
    made = World({"watched_symbols": WATCHED, "upsert_instruments": 1, "record_corporate_actions": 1} | answers)
    return made, MarketDataLedger(made.ports.ledger)


def sourced(**lists: Any) -> MarketData:
    return cast("MarketData", Source(**lists))


async def test_listings_when_synced_then_ticks_name_and_shortable_are_told_and_no_brokers_own_lot() -> None:
    made, ledger = world()
    assert await sync_listings(ledger, sourced(SPY=listing("SPY"), IWM=listing("IWM", shortable=False))) == 2
    told = [call["p_instruments"][0] for call in made.asked("upsert_instruments")]
    assert [(row["symbol"], row["shortable"], row["name"], row["lot"]) for row in told] == [
        ("SPY", True, "SPY fund", None), ("IWM", False, "IWM fund", None),
    ]  # fmt: skip
    assert told[0]["ticks"] == [{"from": "0", "tick": "0.0001"}, {"from": "1", "tick": "0.01"}]
    assert made.asked("upsert_instruments")[0]["p_as_of"] == "2026-01-02"


async def test_listing_when_it_may_not_be_traded_there_then_exits_elsewhere_are_not_in_its_way() -> None:
    made, ledger = world()
    await sync_listings(ledger, sourced(SPY=listing("SPY", tradable=False), IWM=listing("IWM")))
    assert [call["p_instruments"][0]["tradable"] for call in made.asked("upsert_instruments")] == [None, True]


@pytest.mark.parametrize("answer", [None, Rejected("40410000", "no")], ids=["nothing", "a refusal"])
async def test_listing_when_one_share_has_none_then_it_is_told_and_the_others_come(answer: Any) -> None:
    made, ledger = world()
    assert await sync_listings(ledger, sourced(SPY=answer, IWM=listing("IWM"))) == 1
    assert [alert["p_numbers"]["symbol"] for alert in made.asked("raise_alert")] == ["SPY"]


async def test_listing_when_the_ledger_refuses_one_then_the_others_come() -> None:
    def once(arguments: dict[str, Any]) -> int:
        if arguments["p_instruments"][0]["symbol"] == "SPY":
            raise LedgerRefused("TERMS_ARE_FIXED", "no", 409)
        return 1

    made, ledger = world(upsert_instruments=once)
    assert await sync_listings(ledger, sourced(SPY=listing("SPY"), IWM=listing("IWM"))) == 1
    assert len(made.asked("raise_alert")) == 1


async def test_listings_when_the_broker_does_not_answer_then_the_call_fails_and_is_made_again() -> None:
    _, ledger = world()
    with pytest.raises(NotConnected):
        await sync_listings(ledger, sourced(SPY=NotConnected("DOWN", "no")))


async def test_actions_when_synced_then_each_shares_whole_list_is_recorded_as_such() -> None:
    made, ledger = world()
    assert await sync_corporate_actions(ledger, sourced(SPY=[SPLIT, PAID])) == 2
    spy, iwm = made.asked("record_corporate_actions")
    assert [(row["kind"], row["ratio"], row["amount"]) for row in spy["p_actions"]] == [
        ("split", "2", None), ("cash_dividend", None, "1.99"),
    ]  # fmt: skip
    assert (iwm["p_symbol"], iwm["p_actions"], iwm["p_from"], iwm["p_to"]) == ("IWM", [], "1990-01-01", "2026-05-02")


async def test_actions_when_a_row_cannot_be_read_then_it_is_told_and_nothing_may_be_taken_back() -> None:
    made, ledger = world()
    await sync_corporate_actions(ledger, sourced(SPY=[SPLIT, PAID, Quarantined("no date", "{}")]), ["SPY"])
    asked = [(call["p_from"], call["p_to"], len(call["p_actions"])) for call in made.asked("record_corporate_actions")]
    assert asked == [("2025-06-02", "2025-06-02", 1), ("2025-12-19", "2025-12-19", 1)]
    assert "no date" in made.asked("raise_alert")[0]["p_text"]


async def test_actions_when_the_feed_cannot_tell_them_then_it_is_said_once_and_nothing_is_changed() -> None:
    made, ledger = world()
    assert await sync_corporate_actions(ledger, sourced(SPY=Unsupported("UNSUPPORTED", "no splits"))) == 0
    assert [alert["p_code"] for alert in made.asked("raise_alert")] == ["NO_CORPORATE_ACTIONS"]
    assert made.asked("record_corporate_actions") == []
