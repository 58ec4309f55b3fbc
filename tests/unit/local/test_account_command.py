"""`agenttrader account`: the secrets it takes, and what it says of a verdict."""

from __future__ import annotations

import io
import json

import pytest
import typer

from functions.core.errors import BadInput
from local.cli import account_commands
from local.linking import Verdict

ALPACA = {"key": "PK1", "secret": "hush"}


def given(monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO(text))


@pytest.mark.parametrize(
    "text",
    [
        "",
        "PK1",
        "[]",
        json.dumps({"key": "PK1"}),
        json.dumps(ALPACA | {"more": "x"}),
        json.dumps({"key": 1, "secret": "s"}),
    ],
)
def test_secrets_when_they_are_not_what_the_broker_asks_for_then_refused_and_not_repeated(
    text: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    given(monkeypatch, text)
    with pytest.raises(BadInput) as refused:
        account_commands.secrets_of("alpaca", "-")
    assert refused.value.code == "BAD_SECRETS"
    assert "key and secret" in str(refused.value)
    assert "PK1" not in str(refused.value)


def test_secrets_when_read_from_standard_input_then_they_are_the_fields(monkeypatch: pytest.MonkeyPatch) -> None:
    given(monkeypatch, json.dumps(ALPACA))
    assert account_commands.secrets_of("alpaca", "-") == ALPACA


def test_secrets_when_asked_for_then_without_echo(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[tuple[str, bool]] = []

    def prompt(text: str, *, hide_input: bool, err: bool) -> str:
        asked.append((text, hide_input and err))
        return "x"

    monkeypatch.setattr("typer.prompt", prompt)
    monkeypatch.setattr(account_commands, "someone_to_ask", lambda: True)
    assert account_commands.secrets_of("tastytrade", None) == {"client_secret": "x", "refresh_token": "x"}
    assert asked == [("tastytrade client_secret", True), ("tastytrade refresh_token", True)]


def test_secrets_when_nobody_is_there_to_type_them_then_wrong_use_and_the_other_way(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    given(monkeypatch, "")
    with pytest.raises(BadInput, match="--secrets -"):
        account_commands.secrets_of("alpaca", None)


def test_secrets_when_written_on_the_command_line_then_wrong_use() -> None:
    with pytest.raises(typer.BadParameter):
        account_commands.secrets_of("alpaca", "PK1")


@pytest.mark.parametrize(
    ("verdict", "live", "words"),
    [
        (Verdict("verified", None, None), False, ["PA1 is verified", "balances"]),
        (Verdict("verified", "CLOSING_ONLY", "ask the broker"), False, ["verified", "CLOSING_ONLY: ask the broker"]),
        (Verdict("verified", None, None), True, ["confirm_live"]),
        (Verdict("refused", "BAD_KEYS", "enter them again"), False, ["refused", "BAD_KEYS: enter them again"]),
        (Verdict("unverified", "DOWN", "no answer"), False, ["not verified yet", "DOWN: no answer"]),
    ],
)
def test_sentence_when_there_is_a_verdict_then_it_says_what_follows(
    verdict: Verdict, live: bool, words: list[str]
) -> None:
    said = account_commands.sentence("PA1", verdict, live=live)
    assert all(word in said for word in words)
