"""The gate of quotes."""

from __future__ import annotations

from datetime import datetime, timedelta
from decimal import Decimal

from functions.core.events import QuoteData
from functions.ingest.quality.quotes import QuoteGate
from tests.unit.ingest.quality.made_bars import CALENDAR, FRIDAY, MINUTE, OPEN, THURSDAY


def quote(seconds: int, bid: str = "100", ask: str = "100.1", start: datetime = OPEN) -> QuoteData:
    return QuoteData(
        symbol="SPY", bid=Decimal(bid), ask=Decimal(ask), bid_size=Decimal(1), ask_size=Decimal(1),
        quoted_at=start + timedelta(seconds=seconds), feed="iex",
    )  # fmt: skip


def kinds(gate: QuoteGate, quotes: list[QuoteData]) -> tuple[list[QuoteData], list[str]]:
    """What is let through, and the kinds of what was found."""
    passed: list[QuoteData] = []
    found: list[str] = []
    for one in quotes:
        good, findings = gate.take(one)
        passed.extend([good] if good else [])
        found.extend(finding.kind for finding in findings)
    return passed, found


def test_quote_when_one_is_far_then_it_waits_and_the_next_tells_what_it_was() -> None:
    first, far, back = quote(0), quote(1, "150", "150.1"), quote(2)
    assert kinds(QuoteGate(CALENDAR), [first, far, back]) == ([first, back], ["spike"])
    moved = quote(2, "150.2", "150.3")
    assert kinds(QuoteGate(CALENDAR), [first, far, moved]) == ([first, moved], [])


def test_quote_when_one_side_is_from_nowhere_then_it_is_a_spike_although_the_middle_is_right() -> None:
    first, stub, back = quote(0), quote(1, "0.01", "200"), quote(2)
    assert kinds(QuoteGate(CALENDAR), [first, stub, back]) == ([first, back], ["spike"])


def test_quote_when_no_session_is_open_then_it_is_left_out_and_the_closing_one_is_not() -> None:
    closing = quote(0, start=THURSDAY.closes_at)
    early, late = quote(-1), quote(1, start=THURSDAY.closes_at)
    assert kinds(QuoteGate(CALENDAR), [early, closing, late]) == ([closing], ["session", "session"])
    # What was last said at night is no fault of the feed.
    assert QuoteGate(CALENDAR).take(late, polled=True) == (None, [])


def test_quote_when_it_is_older_than_the_newest_then_it_is_left_out() -> None:
    gate = QuoteGate(CALENDAR)
    assert kinds(gate, [quote(5), quote(4)]) == ([quote(5)], ["disorder"])
    assert gate.take(quote(3), polled=True) == (None, [])


def test_quote_when_a_night_lies_between_then_it_may_be_farther() -> None:
    opening = quote(0, "110", "110.1", FRIDAY.opens_at)
    last = quote(0, start=THURSDAY.closes_at - MINUTE)
    assert kinds(QuoteGate(CALENDAR), [last, opening]) == ([last, opening], [])
