"""What stands between the framework and a handler: decoding, proving, and one event loop."""

from __future__ import annotations

import asyncio
import base64
import json
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from uuid import uuid4

import pytest
from cloudevents.http import CloudEvent
from hypothesis import given
from hypothesis import strategies as st

from functions.core.errors import BadInput, NotAuthorised
from functions.core.events import StrategyChanged, StrategyData, dump
from functions.core.runtime import EventLoop, event_of, owner, payload_of, require_webhook_secret
from tests.unit.core.settings_made import made_settings


def an_event() -> StrategyChanged:
    return StrategyChanged.model_validate(
        {
            "id": uuid4(),
            "occurred_at": "2026-01-02T14:30:00Z",
            "key": "k",
            "type": "strategy.halted",
            "data": StrategyData(strategy_id=uuid4(), user_id=uuid4(), status="halted", version=1),
        }
    )


def pushed(content: bytes) -> dict[str, Any]:
    return {"message": {"data": base64.b64encode(content).decode(), "messageId": "1"}, "subscription": "s"}


ATTRIBUTES = {"type": "google.cloud.pubsub.topic.v1.messagePublished", "source": "//pubsub.googleapis.com/t"}


def test_event_of_when_it_is_a_cloud_event_or_a_raw_push_then_the_event_is_the_same() -> None:
    event = an_event()
    push = pushed(json.dumps(dump(event)).encode())
    shapes = [push, CloudEvent(ATTRIBUTES, push), CloudEvent(ATTRIBUTES, json.dumps(push).encode())]
    assert [event_of(shape) for shape in shapes] == [event] * 3


@pytest.mark.parametrize(
    "message",
    [
        None,
        {},
        {"message": {}},
        {"message": None},
        {"message": {"data": "no base64!"}},
        {"message": {"data": 7}},
        pushed(b""),
        pushed(b"{"),
        pushed(b"[]"),
        pushed(b"7"),
        pushed(b"\xff\xfe"),
        CloudEvent(ATTRIBUTES, None),
        CloudEvent(ATTRIBUTES, "text"),
        CloudEvent(ATTRIBUTES, {"other": 1}),
    ],
    ids=lambda message: repr(getattr(message, "data", message)),
)
def test_payload_of_when_there_is_no_message_then_a_sentence_says_what_was_there(message: object) -> None:
    with pytest.raises(BadInput) as refused:
        payload_of(message)
    assert refused.value.code == "BAD_MESSAGE"


def test_event_of_when_the_payload_is_no_event_then_the_field_is_named() -> None:
    with pytest.raises(BadInput) as refused:
        event_of(pushed(b'{"type": "strategy.halted"}'))
    assert refused.value.code == "BAD_EVENT"


def test_webhook_secret_when_it_is_right_then_the_caller_may() -> None:
    require_webhook_secret({"x-webhook-secret": "word"}, made_settings(webhook_secret="word"))


GUARDED = made_settings(webhook_secret="a word nobody draws")


@given(st.text(st.characters(codec="latin-1")))
def test_webhook_secret_when_it_is_anything_else_then_the_caller_may_not(given_secret: str) -> None:
    with pytest.raises(NotAuthorised):
        require_webhook_secret({"x-webhook-secret": given_secret}, GUARDED)


def test_webhook_secret_when_none_is_set_or_none_is_given_then_the_caller_may_not() -> None:
    for headers in ({}, {"x-webhook-secret": ""}, {"x-webhook-secret": "None"}):
        for settings in (made_settings(), made_settings(webhook_secret="word")):
            with pytest.raises(NotAuthorised):
                require_webhook_secret(headers, settings)


def test_owner_when_a_supervisor_names_the_process_then_that_is_its_name(monkeypatch: pytest.MonkeyPatch) -> None:
    drawn = owner()
    assert drawn == owner()
    monkeypatch.setenv("AGENTTRADER_WORKER_ID", "alpha")
    assert owner() == "alpha"


def test_event_loop_when_many_threads_call_then_all_run_on_one_loop() -> None:
    loop = EventLoop()
    together = threading.Barrier(8)

    async def where() -> int:
        return id(asyncio.get_running_loop())

    def call(_: int) -> int:
        together.wait(10)
        return loop.run(where())

    with ThreadPoolExecutor(8) as pool:
        assert len(set(pool.map(call, range(8)))) == 1


def test_event_loop_when_the_work_raises_then_the_caller_gets_it_and_the_loop_lives() -> None:
    loop = EventLoop()

    async def fail() -> None:
        raise BadInput("NO", "not today")

    async def work() -> str:
        return "fine"

    with pytest.raises(BadInput):
        loop.run(fail())
    assert loop.run(work()) == "fine"


# In a process of its own: forking this one would carry pytest's threads' locks along.
_FORKS = """
import asyncio, os, sys
from functions.core.runtime import EventLoop, owner

loop = EventLoop()
async def where():
    return os.getpid(), id(asyncio.get_running_loop())

first, mine = loop.run(where()), owner()
child = os.fork()
if child == 0:
    there = loop.run(where())
    os._exit(0 if there[0] == os.getpid() and owner() != mine else 1)
_, status = os.waitpid(child, 0)
assert loop.run(where()) == first and owner() == mine
sys.exit(os.waitstatus_to_exitcode(status))
"""


def test_event_loop_when_the_process_forked_after_the_first_call_then_both_have_a_loop_that_runs() -> None:
    done = subprocess.run([sys.executable, "-c", _FORKS], timeout=30, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_event_loop_when_a_coroutine_waits_then_others_go_on() -> None:
    loop = EventLoop()

    async def make() -> asyncio.Event:
        return asyncio.Event()

    gate = loop.run(make())

    async def open_it() -> None:
        gate.set()

    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(lambda: loop.run(gate.wait()))
        loop.run(open_it())
        assert waiting.result(10) is True
