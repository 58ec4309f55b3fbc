"""The conductor: what counts as settled, when sweeps run, how it gives up, and the plan and pace of a tape."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from types import SimpleNamespace
from typing import Any

import psycopg
import pytest

from functions.core.errors import BadInput, Unavailable
from functions.core.wiring import wiring
from local.conductor import settling
from local.conductor.errors import NotSettled, Stuck
from local.conductor.market import Market
from local.conductor.pace import Pace
from local.conductor.plan import push_ends, pushes_made
from local.conductor.schedules import daily, sweeps
from local.conductor.settling import Patience, Settler
from local.conductor.snapshot import Snapshot
from local.tape.model import Session

NOW = datetime(2018, 2, 5, 14, 31, tzinfo=UTC)
STREAM = "stream_market_data/SPY"


def snapshot(
    in_flight: Mapping[str, int] | None = None,
    unfinished: Mapping[str, int] | None = None,
    cursor: datetime | None = NOW,
) -> Snapshot:
    return Snapshot(
        in_flight={"bus": 0, "webhooks": 0} | dict(in_flight or {}),
        cursors={STREAM: cursor} if cursor else {},
        followed=frozenset({STREAM}),
        unfinished=dict(unfinished or {}),
    )


class FakeMarket:
    """Says where each stream stands."""

    def __init__(self, at: datetime = NOW) -> None:
        self.at = at

    def positions(self) -> dict[str, datetime]:
        return {STREAM: self.at, "stream_market_data/OTHER": NOW + timedelta(days=1)}


class FakeScheduler:
    """Remembers the sweeps that it was asked to run."""

    def __init__(self, failures: int = 0) -> None:
        self.calls: list[Any] = []
        self.errors: list[str] = []
        self._failures = failures

    def post(self, path: str, body: Any) -> Any:
        if self._failures:
            self._failures -= 1
            raise Unavailable("CONTROL_UNAVAILABLE", "the scheduler did not answer")
        self.calls.append((path, body))
        errors, self.errors = self.errors, []
        return {"runs": [{"function": "check_pending", "error": error} for error in errors]}


def settler(
    monkeypatch: pytest.MonkeyPatch,
    snapshots: Sequence[Snapshot | Exception],
    scheduler: FakeScheduler,
    *,
    market: FakeMarket | None = None,
    patience: Patience | None = None,
) -> Settler:
    """A settler that sees these snapshots one after another, and then the last one for ever."""
    left = list(snapshots)

    def take(_: object) -> Snapshot:
        seen = left.pop(0) if len(left) > 1 else left[0]
        if isinstance(seen, Exception):
            raise seen
        return seen

    monkeypatch.setattr(settling, "take", take)
    monkeypatch.setattr(psycopg, "connect", lambda *_, **__: SimpleNamespace(close=lambda: None))
    return Settler(
        "postgresql://nowhere",
        market or FakeMarket(),  # type: ignore[arg-type] # as much of it as the settler uses
        scheduler,  # type: ignore[arg-type] # as above
        ["evaluate_missed", "check_pending"],
        patience or Patience(seconds=5, rounds=3),
    )


def test_settle_when_nothing_is_in_flight_then_no_sweep_runs(monkeypatch: pytest.MonkeyPatch) -> None:
    scheduler = FakeScheduler()
    settler(monkeypatch, [snapshot()], scheduler).settle(NOW)
    assert scheduler.calls == []


def test_settle_when_messages_are_in_flight_then_it_waits_for_them(monkeypatch: pytest.MonkeyPatch) -> None:
    seen = [snapshot({"bus": 2}), snapshot({"webhooks": 1}), snapshot(cursor=NOW - timedelta(minutes=1)), snapshot()]
    scheduler = FakeScheduler()
    settler(monkeypatch, seen, scheduler).settle(NOW)
    assert scheduler.calls == []


def test_settle_when_rows_are_unfinished_then_the_sweeps_run_at_the_tapes_time(monkeypatch: pytest.MonkeyPatch) -> None:
    scheduler = FakeScheduler()
    settler(monkeypatch, [snapshot(unfinished={"pending": 1}), snapshot()], scheduler).settle(NOW)
    assert scheduler.calls == [
        ("/run", {"functions": ["evaluate_missed", "check_pending"], "now": NOW.isoformat()}),
    ]


def test_settle_when_an_order_waits_for_a_quote_then_it_is_asked_for_once_and_the_tape_goes_on(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    scheduler = FakeScheduler()
    settler(monkeypatch, [snapshot(unfinished={"awaiting_quotes": 1})], scheduler).settle(NOW)
    assert len(scheduler.calls) == 1
    with pytest.raises(Stuck):
        settler(monkeypatch, [snapshot(unfinished={"awaiting_quotes": 1, "approved": 1})], scheduler).settle(NOW)


def test_settle_when_sweeps_do_not_help_then_it_gives_up_after_its_rounds_and_names_the_rows(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    scheduler = FakeScheduler()
    with pytest.raises(Stuck, match="approved 2") as refusal:
        settler(monkeypatch, [snapshot(unfinished={"approved": 2})], scheduler).settle(NOW)
    assert refusal.value.code == "ROWS_UNFINISHED"
    assert refusal.value.numbers == {"approved": 2}
    assert len(scheduler.calls) == 3


def test_settle_when_something_stays_in_flight_then_the_error_names_it(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(NotSettled, match="bus 3"):
        settler(monkeypatch, [snapshot({"bus": 3})], FakeScheduler(), patience=Patience(seconds=0.05)).settle(NOW)


def test_settle_when_a_stream_stays_behind_then_the_error_names_it(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(NotSettled, match=f"{STREAM}.*handled nothing"):
        settler(monkeypatch, [snapshot(cursor=None)], FakeScheduler(), patience=Patience(seconds=0.05)).settle(NOW)


def test_settle_when_postgres_is_restarted_then_it_connects_again(monkeypatch: pytest.MonkeyPatch) -> None:
    gone = psycopg.OperationalError("terminating connection due to administrator command")
    settler(monkeypatch, [gone, gone, snapshot()], FakeScheduler()).settle(NOW)


def test_settle_when_the_scheduler_is_restarted_then_the_sweeps_are_asked_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    scheduler = FakeScheduler(failures=2)
    settler(monkeypatch, [snapshot(unfinished={"pending": 1}), snapshot()], scheduler).settle(NOW)
    assert len(scheduler.calls) == 1


def test_settle_when_a_sweep_fails_then_it_is_asked_again_and_no_round_is_used_up(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    scheduler = FakeScheduler()
    scheduler.errors = ["the gateway did not answer"]
    seen = [snapshot(unfinished={"pending": 1}), snapshot()]
    settler(monkeypatch, seen, scheduler, patience=Patience(seconds=5, rounds=1)).settle(NOW)
    assert len(scheduler.calls) == 2


def test_settle_when_the_sweeps_keep_failing_then_the_error_says_which_and_why(monkeypatch: pytest.MonkeyPatch) -> None:
    scheduler = FakeScheduler()
    monkeypatch.setattr(scheduler, "post", lambda *_: {"runs": [{"function": "check_pending", "error": "no ledger"}]})
    with pytest.raises(NotSettled, match="check_pending: no ledger"):
        settler(monkeypatch, [snapshot(unfinished={"pending": 1})], scheduler, patience=Patience(seconds=0.05)).settle(
            NOW
        )


def test_snapshot_when_nobody_follows_a_stream_then_it_is_not_behind() -> None:
    assert snapshot().behind({STREAM: NOW, "stream_market_data/OTHER": NOW + timedelta(days=1)}) == {}
    assert list(snapshot().behind({STREAM: NOW + timedelta(microseconds=1)})) == [STREAM]


def test_sweeps_when_the_wiring_is_read_then_session_and_daily_functions_are_not_among_them() -> None:
    assert "evaluate_missed" in sweeps(wiring())
    assert "daily_pnl" not in sweeps(wiring())
    assert "daily_pnl" not in daily(wiring())
    assert set(daily(wiring())) >= {"sync_market_calendar", "archive_bars", "maintain_bars", "sync_corporate_actions"}
    assert not set(daily(wiring())) & set(sweeps(wiring()))


# --- plan and pace --------------------------------------------------------------------------------------------------


def session(day: date, minutes: int) -> Session:
    opens = datetime(day.year, day.month, day.day, 14, 30, tzinfo=UTC)
    return Session(day, opens, opens + timedelta(minutes=minutes))


SESSIONS = [session(date(2018, 2, 5), 3), session(date(2018, 2, 6), 2)]


def test_plan_when_laid_out_then_moments_never_go_back_and_each_session_has_its_pushes() -> None:
    ends = push_ends(SESSIONS)
    assert ends == sorted(ends)
    assert len(ends) == (1 + 3 + 1 + 12) + (1 + 2 + 1 + 12)
    assert ends[0] == SESSIONS[0].opens_at
    assert ends[3] == ends[4] == SESSIONS[0].closes_at
    assert ends[-1] == SESSIONS[1].closes_at + timedelta(hours=1)


@pytest.mark.parametrize(
    ("day", "minute_index", "is_open", "after_close", "made"),
    [
        (5, -1, False, None, 0),
        (5, -1, True, None, 1),
        (5, 0, True, None, 2),
        (5, 2, True, None, 4),
        (5, 2, False, timedelta(0), 5),
        (5, 2, False, timedelta(minutes=5, microseconds=7), 6),
        (5, 2, False, timedelta(hours=1), 17),
        (6, -1, True, None, 18),
        (6, 1, True, None, 20),
    ],
)
def test_plan_when_a_tape_stands_somewhere_then_the_pushes_made_are_known(
    day: int, minute_index: int, is_open: bool, after_close: timedelta | None, made: int
) -> None:
    here = SESSIONS[day - 5]
    now = here.closes_at + after_close if after_close is not None else here.opens_at
    assert pushes_made(SESSIONS, here.day, now, minute_index, is_open=is_open) == made


@pytest.mark.parametrize(("text", "speed"), [("lockstep", None), ("realtime", 1), ("60x", 60), ("1x", 1)])
def test_pace_when_it_is_well_formed_then_it_is_read(text: str, speed: int | None) -> None:
    assert Pace.read(text).speed == speed


@pytest.mark.parametrize("text", ["", "fast", "0x", "-1x", "60", "x", "1.5x", "60X ", "99999999x"])
def test_pace_when_it_is_malformed_then_the_sentence_says_what_is_expected(text: str) -> None:
    with pytest.raises(BadInput, match="60x"):
        Pace.read(text)


@pytest.mark.parametrize("answer", [{}, [], None, "no", {"now": "yesterday"}, {"now": "2018-02-05T14:30:00"}])
def test_market_when_it_answers_something_else_then_a_typed_error_says_so(
    monkeypatch: pytest.MonkeyPatch, answer: Any
) -> None:
    market = Market("http://127.0.0.1:1")
    monkeypatch.setattr(market, "_controls", [SimpleNamespace(get=lambda _: answer)])
    with pytest.raises(Unavailable, match="something else than expected"):
        market.state()


def test_market_when_nobody_listens_then_a_typed_error_says_so() -> None:
    with pytest.raises(Unavailable, match="the broker simulator did not answer"):
        Market("http://127.0.0.1:1").state()
