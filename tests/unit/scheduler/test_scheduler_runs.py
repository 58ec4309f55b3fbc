"""Running due jobs: by somebody else's ticks over HTTP, and by the machine's own clock."""

from __future__ import annotations

import asyncio
import base64
import json
import threading
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from starlette.testclient import TestClient

from local.bus.cloudevent import Push
from local.bus.delivery import Answer, Courier
from local.scheduler.clockwork import run_forever
from local.scheduler.control import control_app
from local.scheduler.cron import Cron
from local.scheduler.jobs import Job, Ticker
from local.scheduler.runs import Runner

NOON = datetime(2018, 1, 3, 12, tzinfo=UTC)
JOBS = [Job(name, Cron("* * * * *", "UTC"), 10.0) for name in ("first", "second", "third")]


class Recording(Courier):
    """Answers without a network: `answers` by function, 204 where none is given."""

    def __init__(self, answers: dict[str, Callable[[], Answer]] | None = None) -> None:
        super().__init__("http://127.0.0.1:1")
        self.answers = answers or {}
        self.delivered: list[tuple[str, str]] = []

    def deliver(self, function: str, push: Push, timeout: float) -> Answer:
        body = json.loads(push.request()[1])
        due = json.loads(base64.b64decode(body["message"]["data"]))
        self.delivered.append((function, due["scheduled_at"]))
        return self.answers.get(function, lambda: Answer(204, reached=True, error=""))()


def client(courier: Courier, clock: str = "external") -> TestClient:
    return TestClient(control_app(clock, Ticker(JOBS), Runner(courier, patience=0.05)))


def test_tick_when_jobs_are_due_then_they_run_in_the_tables_order_and_their_ends_are_told() -> None:
    courier = Recording({"second": lambda: Answer(503, reached=True, error="HTTP 503: not now")})
    answer = client(courier).post("/tick", json={"now": "2018-01-03T12:00:30Z"})
    noon = "2018-01-03T12:00:00+00:00"
    assert answer.status_code == 200
    assert courier.delivered == [("first", noon), ("second", noon), ("third", noon)]
    assert answer.json() == {
        "ok": False,
        "runs": [
            {"function": "first", "scheduled_at": noon, "status": 204, "error": ""},
            {"function": "second", "scheduled_at": noon, "status": 503, "error": "HTTP 503: not now"},
            {"function": "third", "scheduled_at": noon, "status": 204, "error": ""},
        ],
    }


def test_tick_when_nobody_listens_then_it_is_tried_again_and_then_reported() -> None:
    courier = Recording({"first": lambda: Answer(None, reached=False, error="refused")})
    runs = client(courier).post("/tick", json={"now": "2018-01-03T12:00:30Z"}).json()["runs"]
    assert runs[0] == {"function": "first", "scheduled_at": NOON.isoformat(), "status": None, "error": "refused"}
    assert [name for name, _ in courier.delivered].count("first") > 1


@pytest.mark.parametrize(
    ("path", "body", "status", "code"),
    [
        ("/tick", {"now": "2018-01-03T12:00:00"}, 400, "BAD_REQUEST"),
        ("/tick", {}, 400, "BAD_REQUEST"),
        ("/tick", {"now": "noon"}, 400, "BAD_REQUEST"),
        ("/tick", {"now": "2018-01-03T12:00:00Z", "sinse": "2018-01-03T12:00:00Z"}, 400, "BAD_REQUEST"),
        ("/tick", {"now": "2018-01-03T12:00:00Z", "since": "2018-01-03T12:00:01Z"}, 409, "CLOCK_WENT_BACK"),
        ("/run", {"functions": ["nobody"], "now": "2018-01-03T12:00:00Z"}, 400, "UNKNOWN_FUNCTION"),
        ("/run", {"functions": ["first"]}, 400, "BAD_REQUEST"),
    ],
)
def test_control_when_the_request_is_bad_then_a_code_and_nothing_runs(
    path: str, body: dict[str, Any], status: int, code: str
) -> None:
    courier = Recording()
    answer = client(courier).post(path, json=body)
    assert (answer.status_code, answer.json()["code"]) == (status, code)
    assert courier.delivered == []


def test_tick_when_the_scheduler_has_its_own_clock_then_it_is_refused() -> None:
    answer = client(Recording(), "system").post("/tick", json={"now": "2018-01-03T12:00:00Z"})
    assert (answer.status_code, answer.json()["code"]) == (409, "WRONG_CLOCK")


def test_run_when_functions_are_named_then_those_run_at_once_in_that_order() -> None:
    courier = Recording()
    body = {"functions": ["third", "first"], "now": "2018-01-03T12:34:56Z"}
    assert client(courier).post("/run", json=body).json()["ok"]
    assert courier.delivered == [("third", "2018-01-03T12:34:56+00:00"), ("first", "2018-01-03T12:34:56+00:00")]


class Remembered:
    """Last runs in a dictionary."""

    def __init__(self, **last: datetime) -> None:
        self.last = last

    def read(self, function: str) -> datetime | None:
        return self.last.get(function)

    def write(self, function: str, scheduled_at: datetime) -> None:
        self.last[function] = scheduled_at


class Clock:
    """Begins at `start` and runs as fast as the machine's."""

    def __init__(self, start: datetime) -> None:
        self._start = start
        self._begun = asyncio.get_running_loop().time()

    def __call__(self) -> datetime:
        passed = asyncio.get_running_loop().time() - self._begun
        return self._start + timedelta(seconds=passed)


async def until(
    condition: Callable[[], bool], jobs: Sequence[Job], courier: Courier, last: Remembered, now: Callable[[], datetime]
) -> None:
    """Runs the clockwork until the condition holds."""
    work = asyncio.create_task(run_forever(jobs, Runner(courier), last, now))
    async with asyncio.timeout(15):
        while not condition():
            assert not work.done()
            await asyncio.sleep(0.002)
    work.cancel()
    with pytest.raises(asyncio.CancelledError):
        await work


async def test_run_forever_when_a_job_becomes_due_then_it_runs_for_that_minute_and_is_remembered() -> None:
    courier, last = Recording(), Remembered()
    now = Clock(NOON - timedelta(milliseconds=30))
    await until(lambda: "first" in last.last, JOBS[:1], courier, last, now)
    assert courier.delivered == [("first", NOON.isoformat())]
    assert last.last == {"first": NOON}


async def test_run_forever_when_runs_were_missed_then_one_run_makes_up_for_them() -> None:
    courier, last = Recording(), Remembered(first=NOON)
    now = Clock(NOON + timedelta(hours=2, seconds=30))
    await until(lambda: last.last["first"] != NOON, JOBS[:1], courier, last, now)
    assert courier.delivered == [("first", (NOON + timedelta(hours=2)).isoformat())]


async def test_run_forever_when_a_run_takes_longer_than_its_interval_then_it_never_overlaps_itself() -> None:
    moment = [NOON]
    inside = threading.Semaphore(1)
    overlaps: list[bool] = []

    def slow() -> Answer:
        overlaps.append(not inside.acquire(blocking=False))
        moment[0] += timedelta(minutes=3, seconds=10)
        inside.release()
        return Answer(204, reached=True, error="")

    courier, last = Recording({"first": slow}), Remembered(first=NOON - timedelta(minutes=1))
    await until(lambda: len(courier.delivered) >= 4, JOBS[:1], courier, last, lambda: moment[0])
    assert not any(overlaps)
    # Each run lasts over three minutes of the clock: what was missed meanwhile is one run, not a queue of them.
    minutes = [(datetime.fromisoformat(when) - NOON) // timedelta(minutes=1) for _, when in courier.delivered]
    assert minutes[:4] == [0, 3, 6, 9]


async def test_run_forever_when_one_function_hangs_then_the_others_are_still_run() -> None:
    release = threading.Event()
    courier = Recording({"first": lambda: Answer(204, reached=release.wait(15), error="")})
    last = Remembered()
    now = Clock(NOON - timedelta(milliseconds=20))
    await until(lambda: {"second", "third"} <= set(last.last), JOBS, courier, last, now)
    release.set()
    assert "first" not in last.last
