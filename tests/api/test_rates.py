"""Rates are kept in Postgres: whichever process answers, a caller has the same few requests."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

import httpx
import pytest

from local.stack import HOST, Stack
from local.supervisor.catalogue import catalogue
from local.supervisor.environment import Setup
from local.supervisor.part import Part
from tests.api.conftest import Caller
from tests.machine import eventually, free_port

# 36 requests at once that only read, 9 that act; the bucket of acts refills by one in 6.7 seconds.
_FACTOR = "0.03"
_ACTS = 9
_SLOW = 3
"""So many may have come back while the test ran, on a machine that is very slow."""


@contextmanager
def _edge(stack: Stack) -> Iterator[str]:
    """One more edge process of the same cloud, with narrow rates; its address."""
    setup = Setup(clock="system", extra={"AGENTTRADER_API_RATE_FACTOR": _FACTOR})
    part = next(node for node in catalogue(stack, setup) if isinstance(node, Part) and node.name == "edge")
    port = free_port()
    command = [str(port) if word == str(stack.port("edge")) else word for word in part.command]
    running = subprocess.Popen(
        command, env=dict(part.environment), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    try:
        address = f"http://{HOST}:{port}"
        eventually(lambda: _answers(address))
        yield f"{address}/functions/v1/api"
    finally:
        running.terminate()
        running.wait()


def _answers(address: str) -> bool:
    try:
        return httpx.get(f"{address}/health", timeout=5).status_code == 200
    except httpx.TransportError:
        return False


@pytest.fixture(scope="module")
def edges(stack: Stack) -> Iterator[tuple[str, str]]:
    with ExitStack() as processes:
        yield processes.enter_context(_edge(stack)), processes.enter_context(_edge(stack))


def test_rate_when_two_processes_answer_one_caller_then_they_give_no_more_than_one(
    edges: tuple[str, str], owner: Caller
) -> None:
    answers = [_act(edges[number % 2], owner.token) for number in range(2 * _ACTS + 2 * _SLOW)]
    let_in = [answer for answer in answers if answer.status_code != 429]
    # What one process took and has not spent is lost to the other: at most one allotment.
    assert _ACTS - 5 <= len(let_in) <= _ACTS + _SLOW
    refused = answers[-1]
    assert (refused.status_code, refused.json()["code"]) == (429, "TOO_MANY_REQUESTS")
    assert int(refused.headers["Retry-After"]) >= 1
    assert refused.headers["RateLimit"] == '"act";r=0'


def test_rate_when_one_caller_has_none_left_then_another_has(edges: tuple[str, str], stranger: Caller) -> None:
    assert _act(edges[0], stranger.token).status_code != 429


def test_rate_when_keys_are_tried_one_after_the_other_then_429_before_long(edges: tuple[str, str]) -> None:
    answers = [_act(edges[0], f"at_01234567_{number:056x}").status_code for number in range(12)]
    assert (answers[0], answers[-1]) == (401, 429)


def _act(api: str, token: str | None) -> httpx.Response:
    """Something that acts and changes nothing: it lacks its version."""
    return httpx.put(f"{api}/user/profile", json={}, headers={"Authorization": f"Bearer {token}"}, timeout=30)
