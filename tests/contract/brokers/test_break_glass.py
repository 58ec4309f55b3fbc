"""Break-glass on every broker: everything is cancelled and closed, once, whatever the broker does meanwhile."""

from __future__ import annotations

import asyncio
import json
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import Any, Final

import pytest

from functions.brokers.errors import NotSent
from functions.brokers.orders import BrokerOrder, StopLoss, TakeProfit
from functions.brokers.protocol import Broker
from local.break_glass.canceling import PREFIX
from local.break_glass.journal import Journal, unfinished
from local.break_glass.looking import Lookout, Pace, Selection
from local.break_glass.procedure import Result, break_glass
from local.simulators.venue.desk_order import FINAL
from tests.contract.brokers.test_options_contract import contracts, vertical
from tests.contract.brokers.venue import Venue, order

RESTING: Final[dict[str, Any]] = {"order_type": "limit", "limit_price": Decimal("200.01")}
EXITS: Final[dict[str, Any]] = {
    "take_profit": TakeProfit(Decimal(400)),
    "stop_loss": StopLoss(Decimal(100), Decimal("99.5")),
}
PACE: Final = Pace(patience=20, poll=0.01, ask_again=0.05, settles=0.1)
SHORT: Final = replace(PACE, patience=0.3)
"""For what does not come to its end by itself."""
REST_OF_THE_DAY: Final = 387


async def flatten(
    venue: Venue,
    tmp_path: Path,
    *symbols: str,
    run_id: str = "run1",
    pace: Pace = PACE,
    cancel_only: bool = False,
    broker: Broker | None = None,
) -> Result:
    path = tmp_path / "journal.jsonl"
    lookout = Lookout(broker or venue.broker(broker_timeout=0.5), Selection(frozenset(symbols)), pace)
    journal = Journal.open(path, run_id, print)
    try:
        earlier = unfinished(path)
        return await break_glass(lookout, journal, print, run_id=run_id, cancel_only=cancel_only, earlier=earlier)
    finally:
        journal.close()


def held(venue: Venue) -> dict[str, Decimal]:
    return {row["symbol"]: Decimal(row["qty"]) for row in venue.book()["positions"] if Decimal(row["qty"])}


def working(venue: Venue) -> list[str]:
    return [row["client_order_id"] for row in venue.orders() if row["status"] not in FINAL]


def own(venue: Venue) -> list[str]:
    """The closing orders that the broker took."""
    return [row["client_order_id"] for row in venue.orders() if (row["client_order_id"] or "").startswith(PREFIX)]


def events(tmp_path: Path) -> list[str]:
    return [json.loads(line)["event"] for line in (tmp_path / "journal.jsonl").read_text().splitlines()]


async def test_break_glass_when_orders_work_and_shares_are_held_then_all_is_over_and_a_second_run_does_nothing(
    venue: Venue, tmp_path: Path
) -> None:
    broker = venue.broker()
    await broker.submit(order("in", "7"))
    for name in ("one", "two"):
        await broker.submit(order(name, **RESTING))
    found = await flatten(venue, tmp_path)
    assert found.is_clean
    assert sorted(one.outcome for one in found.canceled) == ["canceled", "canceled"]
    assert [(one.symbol, one.held, one.client_order_id) for one in found.closed] == [
        ("SPY", Decimal(7), "bg-run1-SPY-1")
    ]
    assert (held(venue), working(venue)) == ({}, [])
    # Each thing is on record before it is done.
    assert events(tmp_path) == [
        *("canceling", "cancel asked") * 2,
        *["ended"] * 2,
        "closing",
        "closed",
    ]
    before = venue.submits()
    assert (await flatten(venue, tmp_path, run_id="run2")).is_clean
    assert venue.submits() == before


async def test_break_glass_when_short_and_in_a_bracket_then_the_family_goes_and_the_short_is_bought_back(
    venue: Venue, tmp_path: Path
) -> None:
    broker = venue.broker()
    await broker.submit(order("short", "4", "sell"))
    entry: dict[str, Any] = {"order_type": "limit", "limit_price": Decimal("400.01"), "order_class": "bracket"}
    exits = {"take_profit": TakeProfit(Decimal(100)), "stop_loss": StopLoss(Decimal(500), Decimal("500.5"))}
    await broker.submit(order("entry", "3", "sell", **entry, **exits))
    assert (await flatten(venue, tmp_path)).is_clean
    assert (held(venue), working(venue)) == ({}, [])


async def test_break_glass_when_a_bracket_has_filled_then_its_exits_go_before_the_shares(
    venue: Venue, tmp_path: Path
) -> None:
    entry: dict[str, Any] = {"order_type": "limit", "limit_price": Decimal("300.01")}
    await venue.broker().submit(order("entry", "3", order_class="bracket", **entry, **EXITS))
    venue.move()
    assert held(venue) == {"SPY": Decimal(3)}
    assert (await flatten(venue, tmp_path)).is_clean
    assert (held(venue), working(venue), len(own(venue))) == ({}, [], 1)


async def test_break_glass_when_a_spread_is_held_then_its_short_leg_is_closed_before_its_long_one(
    venue: Venue, tmp_path: Path
) -> None:
    asked = await vertical(venue, "spread", "50" if venue.name == "tastytrade" else None, "buy", "1")
    await venue.broker().submit(asked)
    venue.move()
    legs = held(venue)
    assert sorted(legs.values()) == [-1, 1]
    short = next(symbol for symbol, quantity in legs.items() if quantity < 0)
    found = await flatten(venue, tmp_path)
    assert found.is_clean
    assert next(one.symbol for one in found.closed) == short
    assert held(venue) == {}


async def test_break_glass_when_the_market_is_closed_then_orders_go_and_it_says_why_the_shares_stay(
    venue: Venue, tmp_path: Path
) -> None:
    broker = venue.broker()
    await broker.submit(order("in", "2"))
    await broker.submit(order("waits", time_in_force="gtc", **RESTING))
    venue.move(REST_OF_THE_DAY + 1)
    assert not (await broker.clock()).is_open
    before = venue.submits()
    found = await flatten(venue, tmp_path)
    assert not found.is_clean
    assert [(one.symbol, why) for one, why in found.positions] == [
        ("SPY", "the market is closed: run this again in the session")
    ]
    assert (working(venue), venue.submits()) == ([], before)


@pytest.mark.parametrize("only", ["SPY", "option"])
async def test_break_glass_when_a_symbol_is_named_then_the_rest_is_left_alone(
    only: str, venue: Venue, tmp_path: Path
) -> None:
    broker, option = venue.broker(), (await contracts(venue))[2].symbol
    await broker.submit(order("share", "2"))
    await broker.submit(order("option", "1", symbol=option, order_type="limit", limit_price=Decimal(90)))
    await broker.submit(order("rests", **RESTING))
    venue.move()
    assert set(held(venue)) == {"SPY", option}
    found = await flatten(venue, tmp_path, "SPY" if only == "SPY" else option)
    assert found.is_clean
    # A share takes its options along; an option goes alone.
    left = ({}, []) if only == "SPY" else ({"SPY": Decimal(2)}, ["rests"])
    assert (held(venue), working(venue)) == left


async def test_break_glass_when_it_is_to_cancel_only_then_nothing_is_sold(venue: Venue, tmp_path: Path) -> None:
    broker = venue.broker()
    await broker.submit(order("in", "2"))
    await broker.submit(order("rests", **RESTING))
    assert (await flatten(venue, tmp_path, cancel_only=True)).is_clean
    assert (held(venue), working(venue), own(venue)) == ({"SPY": Decimal(2)}, [], [])


# --- what may go wrong ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("switch", ["timeout_after_accept", "reset_before_accept"])
async def test_break_glass_when_a_close_has_no_answer_then_it_is_looked_for_and_there_is_one(
    switch: str, venue: Venue, tmp_path: Path
) -> None:
    await venue.broker().submit(order("in", "5"))
    venue.fault(switch)
    found = await flatten(venue, tmp_path)
    assert found.is_clean
    assert (held(venue), len(own(venue))) == ({}, 1)
    assert own(venue)[0].startswith("bg-run1-SPY-")


@pytest.mark.parametrize("switch", ["timeout_after_accept", "reset_before_accept"])
async def test_break_glass_when_a_cancel_has_no_answer_then_it_is_asked_for_again(
    switch: str, venue: Venue, tmp_path: Path
) -> None:
    await venue.broker().submit(order("rests", **RESTING))
    venue.fault(switch, method="DELETE", path="/")
    found = await flatten(venue, tmp_path)
    assert found.is_clean
    assert [one.outcome for one in found.canceled] == ["canceled"]


async def test_break_glass_when_a_cancel_is_stuck_then_it_says_what_still_works_and_closes_what_it_may(
    venue: Venue, tmp_path: Path
) -> None:
    """The order buys, so it takes nothing from the position; Alpaca will not have a sale beside it all the same."""
    broker = venue.broker()
    await broker.submit(order("in", "2"))
    await broker.submit(order("rests", **RESTING))
    venue.fault("stuck_cancel", -1)
    found = await flatten(venue, tmp_path, pace=SHORT)
    assert not found.is_clean
    assert [one.client_order_id for one in found.orders] == ["rests"]
    assert (held(venue), working(venue)) == ({"SPY": Decimal(2)} if venue.name == "alpaca" else {}, ["rests"])
    assert all("wash trade" in why for _, why in found.positions)


async def test_break_glass_when_the_cancel_of_an_exit_is_stuck_then_nothing_is_sold_beside_it(
    venue: Venue, tmp_path: Path
) -> None:
    broker = venue.broker()
    await broker.submit(order("in", "2"))
    exit_order = {"order_type": "limit", "limit_price": Decimal("400.01"), "position_intent": "sell_to_close"}
    await broker.submit(order("exit", "2", "sell", **exit_order))
    venue.fault("stuck_cancel", -1)
    found = await flatten(venue, tmp_path, pace=SHORT)
    assert not found.is_clean
    assert [why for _, why in found.positions if "would close it too" in why] != []
    assert (held(venue), own(venue)) == ({"SPY": Decimal(2)}, [])


async def test_break_glass_when_a_close_fills_in_parts_then_it_is_waited_for_and_not_doubled(
    venue: Venue, tmp_path: Path
) -> None:
    await venue.broker().submit(order("in", "50"))
    venue.fault("partial_fills", 1, least=3, most=3)
    first = await flatten(venue, tmp_path, pace=SHORT)
    assert not first.is_clean
    assert 0 < held(venue)["SPY"] < 50
    # Another run finds the order at work, and lets it.
    again = asyncio.create_task(flatten(venue, tmp_path, run_id="run2"))
    while not again.done():
        await asyncio.to_thread(venue.move)
    assert (await again).is_clean
    assert (held(venue), own(venue)) == ({}, ["bg-run1-SPY-1"])


async def test_break_glass_when_the_list_of_positions_is_behind_then_nothing_is_closed_twice(
    tastytrade: Venue, tmp_path: Path
) -> None:
    tastytrade.open()
    await tastytrade.broker().submit(order("in", "5"))
    assert (await flatten(tastytrade, tmp_path, broker=Behind(tastytrade))).is_clean
    assert (held(tastytrade), len(own(tastytrade))) == ({}, 1)


async def test_break_glass_when_a_fill_of_a_moment_ago_is_not_listed_yet_then_it_is_seen_on_the_second_look(
    tastytrade: Venue, tmp_path: Path
) -> None:
    tastytrade.open()
    await tastytrade.broker().submit(order("in", "5"))
    tastytrade.fault("position_lag")
    assert (await flatten(tastytrade, tmp_path)).is_clean
    assert (held(tastytrade), len(own(tastytrade))) == ({}, 1)


async def test_break_glass_when_it_died_after_sending_then_the_next_run_looks_for_that_first(
    venue: Venue, tmp_path: Path
) -> None:
    """The close is on its way while the next run begins: it arrives when that has looked twice."""
    await venue.broker().submit(order("in", "5"))
    journal = Journal.open(tmp_path / "journal.jsonl", "run1", print)
    journal.write("closing", client_order_id="bg-run1-SPY-1", symbol="SPY", held="5")
    journal.close()
    late = LateArrival(venue)
    found = await flatten(venue, tmp_path, run_id="run2", broker=late, pace=replace(PACE, settles=1))
    assert late.looks > 1
    assert found.is_clean
    assert (held(venue), own(venue)) == ({}, ["bg-run1-SPY-1"])


async def test_break_glass_when_it_died_after_a_fill_and_the_list_is_behind_then_nothing_is_closed_twice(
    tastytrade: Venue, tmp_path: Path
) -> None:
    tastytrade.open()
    broker = tastytrade.broker()
    await broker.submit(order("in", "5"))
    journal = Journal.open(tmp_path / "journal.jsonl", "run1", print)
    journal.write("closing", client_order_id="bg-run1-SPY-1", symbol="SPY", held="5")
    journal.close()
    await broker.close_position("SPY", "bg-run1-SPY-1")
    tastytrade.fault("position_lag", 5)
    assert (await flatten(tastytrade, tmp_path, run_id="run2", pace=replace(PACE, settles=1))).is_clean
    assert (held(tastytrade), own(tastytrade)) == ({}, ["bg-run1-SPY-1"])


async def test_break_glass_when_the_broker_is_slow_down_then_a_close_that_was_not_sent_is_sent_again(
    venue: Venue, tmp_path: Path
) -> None:
    await venue.broker().submit(order("in", "5"))
    found = await flatten(venue, tmp_path, broker=Refusing(venue))
    assert found.is_clean
    assert own(venue) == ["bg-run1-SPY-1"]


class Through:
    """A broker that passes everything on."""

    def __init__(self, venue: Venue) -> None:
        self._venue, self._broker = venue, venue.broker()
        self.capabilities, self.name = self._broker.capabilities, self._broker.name

    def __getattr__(self, name: str) -> Any:
        return getattr(self._broker, name)


class Behind(Through):
    """Its list of positions is behind after a close."""

    async def close_position(self, symbol: str, client_order_id: str, quantity: Decimal | None = None) -> BrokerOrder:
        sent = await self._broker.close_position(symbol, client_order_id, quantity)
        self._venue.fault("position_lag", 4)
        return sent


class LateArrival(Through):
    """The close of an earlier run reaches the broker after it was looked for twice."""

    looks = 0

    async def find_orders(self, client_order_id: str) -> list[BrokerOrder]:
        found = await self._broker.find_orders(client_order_id)
        self.looks += 1
        if self.looks == 2:
            await self._broker.close_position("SPY", client_order_id)
        return found


class Refusing(Through):
    """Asks to slow down a few times."""

    refusals = 4

    async def close_position(self, symbol: str, client_order_id: str, quantity: Decimal | None = None) -> BrokerOrder:
        if self.refusals:
            self.refusals -= 1
            raise NotSent("RATE_LIMITED", "the broker asks to slow down", None)
        return await self._broker.close_position(symbol, client_order_id, quantity)
