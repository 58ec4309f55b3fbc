"""The quote board: the newest quote is never lost, and never published more often than it should be."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from functions.core.errors import Unavailable
from functions.core.events import QuoteData, QuoteUpdated
from functions.core.hotstore.keys import quote_key
from functions.ingest import quotes
from functions.ingest.quotes import QUOTES_TOPIC, QuoteBoard
from tests.unit.core.doubles import NOW, World


class Machine:
    """The machine's monotonic clock."""

    def __init__(self) -> None:
        self.seconds = 100.0

    def monotonic(self) -> float:
        return self.seconds


@pytest.fixture
def machine(monkeypatch: pytest.MonkeyPatch) -> Machine:
    found = Machine()
    monkeypatch.setattr(quotes, "time", found)
    return found


def quote(milliseconds: int, symbol: str = "SPY", bid: str = "100") -> QuoteData:
    return QuoteData(
        symbol=symbol,
        bid=Decimal(bid),
        ask=Decimal(bid) + 1,
        bid_size=Decimal(1),
        ask_size=Decimal(1),
        quoted_at=NOW + timedelta(milliseconds=milliseconds),
        feed="iex",
    )


def published(world: World) -> list[Any]:
    return [each for given in world.asked(f"publish {QUOTES_TOPIC}") for each in given]


def name(one: QuoteData) -> Any:
    return QuoteUpdated.of(one).id


def board(world: World, interval: float = 0.25) -> QuoteBoard:
    return QuoteBoard(world.hot, world.bus, interval)


def test_heard_when_quotes_rush_in_then_one_is_said_and_the_newest_is_kept_for_later(machine: Machine) -> None:
    world = World()
    shown = board(world)
    rush = [quote(number) for number in range(5)]
    for one in rush:
        shown.heard(one)
    assert published(world) == [name(rush[0])]
    assert shown.newest("SPY") == rush[-1]
    machine.seconds += 0.25
    later = quote(9)
    shown.heard(later)
    assert published(world) == [name(rush[0]), name(later)]


def test_flush_when_a_quote_was_passed_over_then_it_is_said_once(machine: Machine) -> None:
    world = World()
    shown = board(world)
    shown.heard(quote(1))
    shown.heard(quote(2))
    for _ in range(3):
        shown.flush("SPY")
    assert published(world) == [name(quote(1)), name(quote(2))]
    assert machine.seconds == 100.0


def test_flush_when_nothing_was_heard_then_nothing_is_said() -> None:
    world = World()
    board(world).flush("SPY")
    assert world.journal == []


def test_heard_when_symbols_differ_then_each_has_its_own_interval(machine: Machine) -> None:
    world = World()
    shown = board(world)
    shown.heard(quote(1))
    shown.heard(quote(1, "IWM"))
    shown.heard(quote(2))
    assert published(world) == [name(quote(1)), name(quote(1, "IWM"))]
    assert machine.seconds == 100.0


@pytest.mark.usefixtures("machine")
def test_heard_when_an_older_quote_comes_late_then_it_is_dropped() -> None:
    world = World()
    shown = board(world, 0)
    shown.heard(quote(5))
    shown.heard(quote(4))
    assert published(world) == [name(quote(5))]
    assert shown.newest("SPY") == quote(5)


@pytest.mark.usefixtures("machine")
def test_heard_when_said_then_the_hot_store_has_it_before_the_bus_does() -> None:
    world = World()
    board(world).heard(quote(1))
    assert world.said() == [f"put {quote_key('SPY')}", f"publish {QUOTES_TOPIC}"]
    entry = world.hot.get(quote_key("SPY"))
    assert entry is not None
    assert QuoteData.model_validate(entry.value) == quote(1)


@pytest.mark.usefixtures("machine")
@pytest.mark.parametrize("part", ["bus", "hot"])
def test_heard_when_the_bus_or_the_hot_store_is_down_then_the_same_quote_again_is_said(part: str) -> None:
    world = World()
    shown = board(world)
    getattr(world, part).failures = [Unavailable("DOWN", "down")]
    with pytest.raises(Unavailable):
        shown.heard(quote(1))
    shown.heard(quote(1))
    assert published(world)[-1] == name(quote(1))
    assert len(world.said(f"publish {QUOTES_TOPIC}")) == (2 if part == "bus" else 1)


@settings(deadline=None)
@given(
    st.lists(
        st.tuples(st.integers(0, 400), st.sampled_from(["SPY", "IWM"]), st.sampled_from([0.0, 0.1, 0.25, 0.4])),
        max_size=40,
    )
)
def test_board_when_anything_arrives_then_said_quotes_only_get_newer_and_a_flush_brings_the_newest(
    heard: list[tuple[int, str, float]],
) -> None:
    world, machine = World(), Machine()
    shown = board(world)
    said_at: dict[str, list[float]] = {}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(quotes, "time", machine)
        for milliseconds, symbol, seconds in heard:
            machine.seconds += seconds
            before = len(world.said(f"put {quote_key(symbol)}"))
            shown.heard(quote(milliseconds, symbol))
            if len(world.said(f"put {quote_key(symbol)}")) > before:
                said_at.setdefault(symbol, []).append(machine.seconds)
        for symbol in {symbol for _, symbol, _ in heard}:
            shown.flush(symbol)
            told = [QuoteData.model_validate(given).quoted_at for given in world.asked(f"put {quote_key(symbol)}")]
            assert told == sorted(told)
            newest = max(milliseconds for milliseconds, each, _ in heard if each == symbol)
            assert told[-1] == quote(newest).quoted_at
    for moments in said_at.values():
        gaps = [after - before for before, after in pairwise(moments)]
        assert all(gap >= 0.25 - 1e-9 for gap in gaps)
