"""Splits: what strategies look at is in one unit, and nothing is decided while what is held is in another."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

from functions.core.events import QuoteData
from functions.core.ledger.deciding import DecisionLedger
from functions.strategy.bars import to_price
from functions.strategy.between_bars import decide_on_fills, decide_on_quote
from functions.strategy.deciding import decide_due
from functions.strategy.gathering import MarketReader
from functions.strategy.interface import Inputs
from tests.unit.core.doubles import World
from tests.unit.strategy.hand_made import FULL_DAY, HALF_DAY, MINUTE, NEXT_DAY

STRATEGY = UUID(int=5)
SPLIT = {"kind": "split", "ex_date": HALF_DAY.date.isoformat(), "ratio": "2"}
LATER = {"kind": "split", "ex_date": NEXT_DAY.date.isoformat(), "ratio": "0.1"}
PAID = {"kind": "cash_dividend", "ex_date": HALF_DAY.date.isoformat(), "amount": "1"}
BEFORE, AFTER = [FULL_DAY.closes_at - n * MINUTE for n in (3, 2, 1)], [HALF_DAY.opens_at + n * MINUTE for n in range(2)]


def row(starts_at: datetime, close: str, volume: str = "10") -> dict[str, Any]:
    prices = dict.fromkeys(("open", "high", "low", "close"), close)
    times = {"starts_at": starts_at.isoformat(), "ends_at": (starts_at + MINUTE).isoformat()}
    return {**times, **prices, "volume": volume}


ROWS = [*(row(at, "100.01") for at in BEFORE), *(row(at, "50") for at in AFTER)]


def sessions() -> list[dict[str, Any]]:
    days = (FULL_DAY, HALF_DAY, NEXT_DAY)
    return [{"date": d.date.isoformat(), "opens_at": d.opens_at, "closes_at": d.closes_at} for d in days]


def world(rows: Sequence[dict[str, Any]] = ROWS, *actions: dict[str, Any], **answers: Any) -> World:
    def until(said: dict[str, Any]) -> list[dict[str, Any]]:
        ended = [one for one in rows if one["ends_at"] <= said["p_until"]]
        return ended[-said["p_limit"] :]

    def known(said: dict[str, Any]) -> list[dict[str, Any]]:
        return [one for one in actions if one["ex_date"] <= said["p_until"]]

    told = {"bars_until": until, "corporate_actions_of": known, "sessions_between": sessions()}
    return World(told | {"record_decisions": {"placed": [], "superseded": []}} | answers)


def closes(made: World, until: datetime, at: datetime | None = None, count: int = 9) -> list[Decimal]:
    bars = MarketReader(DecisionLedger(made.ledger), until).bars("SPY", "1Min", count, at)
    return [to_price(int(close)) for close in bars.close]


def test_bars_when_a_split_lies_among_them_then_those_before_it_are_in_the_newest_ones_unit() -> None:
    made = world(ROWS, PAID, SPLIT, LATER)
    reader = MarketReader(DecisionLedger(made.ledger), AFTER[-1] + MINUTE)
    bars = reader.bars("SPY", "1Min", 9)
    # Half of 100.01 exactly: the tick is a hundredth of a cent.
    assert [to_price(int(close)) for close in bars.close] == [Decimal("50.005")] * 3 + [Decimal(50)] * 2
    assert list(bars.volume) == [20, 20, 20, 10, 10]
    assert reader.bars("SPY", "1Min", 9) is bars
    assert len(made.asked("corporate_actions_of")) == 1


def test_bars_when_of_a_bar_before_the_split_then_in_the_unit_of_its_day_and_none_of_a_later_unit() -> None:
    assert closes(world(ROWS, SPLIT), AFTER[-1] + MINUTE, BEFORE[-1] + MINUTE) == [Decimal("100.01")] * 3
    assert closes(world(ROWS, SPLIT), BEFORE[-1] + MINUTE) == [Decimal("100.01")] * 3


def test_bars_when_it_is_the_day_of_the_split_and_none_has_ended_yet_then_they_are_in_its_unit() -> None:
    assert closes(world(ROWS, SPLIT), HALF_DAY.opens_at + timedelta(seconds=20)) == [Decimal("50.005")] * 3


def test_bars_when_all_are_of_the_day_or_no_split_is_on_record_then_as_they_are_stored() -> None:
    made = world(ROWS, SPLIT)
    assert closes(made, AFTER[-1] + MINUTE, count=2) == [Decimal(50)] * 2
    assert made.asked("corporate_actions_of") == []
    assert closes(world(ROWS, PAID), AFTER[-1] + MINUTE)[0] == Decimal("100.01")


def test_market_when_a_split_lies_within_then_the_context_is_in_one_unit_too() -> None:
    reader = MarketReader(DecisionLedger(world(ROWS, SPLIT).ledger), AFTER[-1] + MINUTE)
    inputs = Inputs(symbols=("SPY",), timeframe="5Min", warm_up=1, context={"1Min": 4})
    context = reader.market("SPY", inputs, 1, AFTER[-1] + MINUTE).context["1Min"]
    assert [to_price(int(close)) for close in context.close] == [Decimal("50.005")] * 3 + [Decimal(50)] * 2
    context = reader.market("SPY", inputs, 1, BEFORE[-1] + MINUTE).context["1Min"]
    assert [to_price(int(close)) for close in context.close] == [Decimal("100.01")] * 3


# --- what is held in old shares ---------------------------------------------------------------------------------------

LONG_BEFORE = [FULL_DAY.closes_at - n * MINUTE for n in range(9, 0, -1)]
MANY = [*(row(at, "100") for at in LONG_BEFORE), *(row(at, "50") for at in AFTER)]
WAITING = "waiting for the broker to book the split of SPY of 2026-11-27"


def due(entry: str = "100", *to_book: dict[str, str], last: datetime = HALF_DAY.opens_at) -> dict[str, Any]:
    return {
        "strategy_id": str(STRATEGY), "user_id": str(UUID(int=1)), "broker_account_id": str(UUID(int=2)),
        "kind": "moving_average_cross", "config": {"fast": 2, "slow": 3, "stop_percent": "2"}, "symbols": ["SPY"],
        "strategy_version": 1, "symbol": "SPY", "last_bar_at": last.isoformat(),
        "held": {"SPY": {"quantity": "100", "average_entry": entry}}, "working": [], "splits_to_book": list(to_book),
    }  # fmt: skip


def decided(one: dict[str, Any], until: datetime = AFTER[0] + MINUTE) -> list[tuple[int, str]]:
    """How many orders, and why."""
    made = world(MANY, SPLIT, strategies_due=[one])
    decide_due(DecisionLedger(made.ledger), "SPY", "1Min", until, until)
    said = [row for asked in made.asked("record_decisions") for row in asked["p_decisions"]]
    return [(len(row.get("orders", [])), row["reason"]) for row in said]


TO_BOOK = {"symbol": "SPY", "ex_date": "2026-11-27"}


def test_decision_when_the_split_is_not_booked_yet_then_nothing_is_decided_and_nothing_stops_out() -> None:
    assert decided(due("100", TO_BOOK)) == [(0, WAITING)]
    # What the guard is for: 50 is far below the stop of an entry at 100.
    ((orders, reason),) = decided(due("100"))
    assert (orders, "is at or below the stop" in reason) == (1, True)


def test_decision_when_the_split_is_booked_then_entry_and_prices_are_in_one_unit_and_it_goes_on() -> None:
    ((orders, reason),) = decided(due("50"))
    assert (orders, WAITING in reason) == (0, False)


def test_decision_when_the_split_lies_ahead_then_it_is_made_as_on_any_day() -> None:
    before = FULL_DAY.closes_at
    ((orders, reason),) = decided(due("100", TO_BOOK, last=before - MINUTE), before)
    assert (orders, WAITING in reason) == (0, False)


def test_decision_when_bars_of_both_days_were_missed_then_each_by_its_own_day() -> None:
    found = decided(due("100", TO_BOOK, last=FULL_DAY.closes_at - MINUTE), AFTER[-1] + MINUTE)
    assert [WAITING in reason for _, reason in found] == [False, True, True]
    assert [orders for orders, _ in found] == [0, 0, 0]


def test_decision_between_bars_when_the_split_is_not_booked_then_none() -> None:
    at = AFTER[0] + timedelta(seconds=5)
    hearing = due("100", TO_BOOK) | {"timeframe": "1Min"}
    fill = {"fill_id": str(UUID(int=7)), "strategy_id": str(STRATEGY), "symbol": "SPY", "underlying": "SPY"}
    fill |= {"quantity": "1", "price": "50", "executed_at": at.isoformat()}
    made = world(MANY, SPLIT, strategies_hearing=[hearing], fills_to_hear=[fill])
    ledger = DecisionLedger(made.ledger)
    sides = {"bid": Decimal(50), "ask": Decimal(51), "bid_size": Decimal(1), "ask_size": Decimal(1)}
    assert decide_on_quote(ledger, QuoteData(symbol="SPY", quoted_at=at, feed="test", **sides)) == 0
    assert made.asked("bars_until") == []
    assert decide_on_fills(ledger, UUID(int=8)) == 1
    ((said,),) = (asked["p_decisions"] for asked in made.asked("record_decisions"))
    assert (said["reason"], said.get("orders", []), said["caused_by"]) == (WAITING, [], str(UUID(int=7)))
