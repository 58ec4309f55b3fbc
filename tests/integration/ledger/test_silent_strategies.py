"""An active strategy that does not decide in session is told of: once, with what to look at, and when it is over."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import psycopg
import pytest

from tests.integration.ledger.desk import NOON, Desk, calling, decision
from tests.integration.ledger.ledger import Ledger, become

# A full day, a half day, and the Monday after.
SESSIONS = [
    {"date": "2013-10-07", "opens_at": "2013-10-07T13:30Z", "closes_at": "2013-10-07T20:00Z"},
    {"date": "2013-10-08", "opens_at": "2013-10-08T13:30Z", "closes_at": "2013-10-08T17:00Z"},
    {"date": "2013-10-14", "opens_at": "2013-10-14T13:30Z", "closes_at": "2013-10-14T20:00Z"},
]
GRACE = timedelta(minutes=5)
LAST = datetime(2013, 10, 14, 20, 0, tzinfo=UTC)


@pytest.fixture(scope="module")
def desk(ledger: Ledger) -> Desk:
    ledger.call("upsert_calendar", "fn_ingest", p_sessions=SESSIONS, p_source="test")
    return Desk.open(ledger)


@pytest.fixture
def watched(ledger: Ledger, desk: Desk) -> Desk:
    """A strategy that decided on the bar that ended at noon, and no other at work."""
    trader = Desk.open(ledger)
    ledger.run("update public.strategies set status = 'inactive' where status = 'active' and id <> %s", trader.strategy)
    # Its other symbol is at the end of all sessions.
    ledger.run("update public.strategy_cursors set last_bar_at = %s where strategy_id = %s", LAST, trader.strategy)
    ledger.run(
        "update public.strategy_cursors set last_bar_at = %s where strategy_id = %s and symbol = 'SPY'",
        NOON - timedelta(minutes=1),
        trader.strategy,
    )
    trader.decide(decision(trader.strategy))
    return trader


def _watch(desk: Desk, at: datetime) -> dict[str, int]:
    found: dict[str, int] = desk.ledger.call("watch_strategies", "fn_strategy", p_now=at)
    return found


def _alerts(desk: Desk) -> list[tuple[str, str, str]]:
    return desk.ledger.rows(
        "select code, severity, text from public.alerts where user_id = %s order by raised_at", desk.user
    )


def test_watch_when_bars_are_missed_in_session_then_one_alert_that_says_where_to_look(watched: Desk) -> None:
    assert _watch(watched, NOON + timedelta(minutes=4) + GRACE)["silent"] == 0
    assert _watch(watched, NOON + timedelta(minutes=5) + GRACE)["silent"] == 1
    for minutes in (6, 60):
        assert _watch(watched, NOON + timedelta(minutes=minutes) + GRACE)["silent"] == 0
    ((code, severity, text),) = _alerts(watched)
    assert (code, severity) == ("STRATEGY_SILENT", "warning")
    assert "has not decided on SPY for 5 bars of 1Min" in text
    assert "No bar of it came" in text


def test_watch_when_bars_are_there_then_the_alert_points_at_the_function(watched: Desk) -> None:
    start = NOON + timedelta(minutes=1)
    bar = {"symbol": "SPY", "timeframe": "1Min", "starts_at": start.isoformat(), "feed": "test", "volume": "1"}
    prices = dict.fromkeys(("open", "high", "low", "close"), "1")
    ends = {"ends_at": (start + timedelta(minutes=1)).isoformat()}
    watched.ledger.call("record_market_data", "fn_ingest", p_bars=[bar | prices | ends])
    _watch(watched, NOON + timedelta(minutes=5) + GRACE)
    assert "look at the log of evaluate_strategies" in _alerts(watched)[0][2]


def test_watch_when_one_symbol_is_stuck_beside_a_live_one_then_it_is_told_of_by_name(watched: Desk) -> None:
    watched.ledger.run(
        "update public.strategy_cursors set last_bar_at = %s where strategy_id = %s and symbol = 'IWM'",
        NOON - timedelta(minutes=10),
        watched.strategy,
    )
    assert _watch(watched, NOON + GRACE)["silent"] == 1
    ((_, _, text),) = _alerts(watched)
    assert "has not decided on IWM for 10 bars of 1Min" in text
    watched.decide(decision(watched.strategy, at=NOON + timedelta(minutes=1)))
    assert _watch(watched, NOON + timedelta(minutes=1) + GRACE) == {"silent": 0, "heard": 0}, "SPY speaks for SPY alone"
    watched.ledger.run(
        "update public.strategy_cursors set last_bar_at = %s where strategy_id = %s and symbol = 'IWM'",
        NOON,
        watched.strategy,
    )
    assert _watch(watched, NOON + timedelta(minutes=1) + GRACE) == {"silent": 0, "heard": 1}
    assert "decides again. It had not decided on IWM since" in _alerts(watched)[1][2]


def test_watch_when_it_decides_again_then_a_note_and_the_next_silence_is_another(watched: Desk) -> None:
    _watch(watched, NOON + timedelta(minutes=6) + GRACE)
    watched.decide(decision(watched.strategy, at=NOON + timedelta(minutes=10)))
    assert _watch(watched, NOON + timedelta(minutes=11)) == {"silent": 0, "heard": 1}
    assert _watch(watched, NOON + timedelta(minutes=12)) == {"silent": 0, "heard": 0}
    assert _watch(watched, NOON + timedelta(minutes=20) + GRACE) == {"silent": 1, "heard": 0}
    assert [code for code, _, _ in _alerts(watched)] == ["STRATEGY_SILENT", "STRATEGY_HEARD", "STRATEGY_SILENT"]
    assert "decides again. It had not decided on SPY since 2013-10-07 16:00 UTC" in _alerts(watched)[1][2]


def test_watch_when_it_is_stopped_then_the_silence_is_over_and_it_is_not_watched(watched: Desk) -> None:
    _watch(watched, NOON + timedelta(minutes=6) + GRACE)
    watched.ledger.call("deactivate_strategy", "authenticated", watched.user, p_strategy_id=watched.strategy)
    assert _watch(watched, NOON + timedelta(minutes=7) + GRACE) == {"silent": 0, "heard": 1}
    assert "is stopped" in _alerts(watched)[1][2]
    assert _watch(watched, NOON + timedelta(minutes=60)) == {"silent": 0, "heard": 0}


def test_watch_when_the_market_is_closed_then_nothing_is_missed(watched: Desk) -> None:
    watched.decide(decision(watched.strategy, at=datetime(2013, 10, 8, 16, 58, tzinfo=UTC)))
    # The half day ends two minutes later; then five days without a session.
    for at in (datetime(2013, 10, 8, 19, 0, tzinfo=UTC), datetime(2013, 10, 14, 13, 37, tzinfo=UTC)):
        assert _watch(watched, at)["silent"] == 0
    assert _watch(watched, datetime(2013, 10, 14, 13, 38, tzinfo=UTC))["silent"] == 1


@pytest.mark.parametrize(
    ("timeframe", "after", "until", "bars"),
    [
        ("1Min", "2013-10-07T13:30Z", "2013-10-07T13:32:59Z", 2),
        ("5Min", "2013-10-07T13:30Z", "2013-10-07T20:00Z", 78),
        ("15Min", "2013-10-07T19:50Z", "2013-10-08T13:45Z", 2),
        ("1Hour", "2013-10-07T13:30Z", "2013-10-07T20:00Z", 7),
        ("1Hour", "2013-10-07T19:30Z", "2013-10-07T20:00Z", 1),
        ("1Hour", "2013-10-08T13:30Z", "2013-10-08T17:00Z", 4),
        ("1Day", "2013-10-07T13:00Z", "2013-10-07T19:59Z", 0),
        ("1Day", "2013-10-07T20:00Z", "2013-10-14T20:00Z", 2),
        ("1Min", "2013-10-09T00:00Z", "2013-10-14T13:30Z", 0),
        ("1Min", "2013-10-14T14:00Z", "2013-10-07T14:00Z", 0),
    ],
)
def test_bars_when_counted_then_by_sessions_half_days_and_short_last_bars(
    desk: Desk, timeframe: str, after: str, until: str, bars: int
) -> None:
    assert desk.ledger.one("select private.bars_in_session(%s, %s, %s)", timeframe, after, until) == bars


def test_watch_when_many_look_at_once_then_one_alert(watched: Desk) -> None:
    at = NOON + timedelta(minutes=6) + GRACE
    looks = [calling("watch_strategies", "fn_strategy", p_now=at) for _ in range(8)]
    found: list[dict[str, Any]] = watched.ledger.at_once(*looks)
    assert sum(one["silent"] for one in found) == 1
    assert len(_alerts(watched)) == 1


@pytest.mark.parametrize(
    "statement",
    [
        "select public.watch_strategies(now())",
        "update public.strategy_silences set ended_at = now()",
        "delete from public.strategy_silences",
        "update public.strategy_cursors set last_bar_at = 'infinity'",
    ],
)
def test_silence_when_a_trader_hides_it_then_not_allowed(desk: Desk, statement: str) -> None:
    with desk.ledger.session() as connection:
        become(connection, "authenticated", desk.user)
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            connection.execute(statement.encode())
        connection.rollback()
