"""How an entry point ends, and what its log may say."""

from __future__ import annotations

import io
import json
import logging
from typing import Any

import pytest
import structlog
from pydantic import SecretStr

from functions.brokers.errors import NotSent, Rejected
from functions.core import log
from functions.core.errors import (
    AgentTraderError,
    BadInput,
    Final,
    Misconfigured,
    NotAuthorised,
    Refused,
    Temporary,
    Unavailable,
)
from functions.core.handling import answered, delivered
from functions.core.ledger.errors import LedgerUnavailable


@pytest.fixture
def said(monkeypatch: pytest.MonkeyPatch) -> io.StringIO:
    """What is logged, from now on."""
    out = io.StringIO()
    log._configure()
    monkeypatch.setattr(
        "functions.core.log.structlog.get_logger",
        lambda: structlog.wrap_logger(
            structlog.PrintLogger(out), wrapper_class=structlog.make_filtering_bound_logger(logging.INFO)
        ),
    )
    return out


def lines(said: io.StringIO) -> list[dict[str, Any]]:
    return [json.loads(line) for line in said.getvalue().splitlines()]


@pytest.mark.parametrize(
    ("error", "severity", "word"),
    [
        (Temporary("T", "later"), "WARNING", "temporary"),
        (Unavailable("U", "later"), "WARNING", "temporary"),
        (LedgerUnavailable("L", "later"), "WARNING", "temporary"),
        (NotSent("N", "later"), "WARNING", "temporary"),
        (Final("F", "never"), "ERROR", "final"),
        (BadInput("B", "never"), "ERROR", "final"),
        (Misconfigured("M", "never"), "ERROR", "final"),
        (Refused("R", "never"), "ERROR", "final"),
        (Rejected("X", "never"), "ERROR", "final"),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, Exception) else "",
)
def test_delivered_when_it_fails_then_it_is_said_and_raised_so_that_the_bus_delivers_again(
    error: AgentTraderError, severity: str, word: str, said: io.StringIO
) -> None:
    @delivered
    def handler(_message: Any) -> None:
        raise error

    with pytest.raises(type(error)) as raised:
        handler({})
    assert raised.value is error
    (line,) = lines(said)
    assert (line["severity"], line["message"], line["code"]) == (severity, word, error.code)
    assert line["component"] == "handler"


def test_delivered_when_it_is_a_bug_then_it_is_raised_as_it_is() -> None:
    @delivered
    def handler(_message: Any) -> None:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        handler({})


def test_delivered_when_it_succeeds_then_nothing_is_said(said: io.StringIO) -> None:
    heard: list[Any] = []
    delivered(heard.append)("message")
    assert heard == ["message"]
    assert said.getvalue() == ""


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (NotAuthorised("N", "no"), 401),
        (LedgerUnavailable("U", "later"), 503),
        (Temporary("T", "later"), 503),
        (BadInput("B", "wrong"), 422),
        (Misconfigured("M", "wrong"), 422),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, Exception) else "",
)
def test_answered_when_it_fails_then_the_status_and_the_code_are_uniform(error: AgentTraderError, status: int) -> None:
    @answered
    def handler(_request: Any) -> dict[str, Any]:
        raise error

    assert handler(None) == ({"code": error.code, "text": error.text}, status)


def test_answered_when_it_succeeds_then_200() -> None:
    assert answered(lambda _request: {"published": 3})(None) == ({"published": 3}, 200)


def test_log_when_a_field_is_named_like_a_secret_then_its_value_is_hidden_at_every_depth(said: io.StringIO) -> None:
    log.logger("test").info(
        "linked",
        api_key="hush",
        Authorization="Bearer hush",
        jwt_secret=SecretStr("hush"),
        headers={"x-webhook-secret": "hush", "nested": [{"password": "hush", "kept": 1}]},
        access_token="hush",
        plain=SecretStr("hush"),
        account="kept",
    )
    (line,) = lines(said)
    assert "hush" not in said.getvalue()
    assert line["account"] == "kept"
    assert line["headers"]["nested"][0]["kept"] == 1


def test_log_when_an_exception_is_logged_then_it_is_one_line_of_json(said: io.StringIO) -> None:
    try:
        raise ValueError("first line\nsecond line")
    except ValueError:
        log.logger("test").exception("failed")
    (line,) = lines(said)
    assert "second line" in line["exception"]
    assert line["severity"] == "ERROR"


def test_error_when_printed_then_code_text_and_numbers_are_there() -> None:
    assert str(BadInput("NO_SHARES", "expected shares", asked=3, held=1)) == (
        "NO_SHARES: expected shares (asked=3, held=1)"
    )
