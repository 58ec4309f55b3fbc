"""`agenttrader admin`: what is said of the ledger's and Auth's answers."""

from __future__ import annotations

from typing import Any

import pytest

from functions.core.errors import Refused, Unavailable
from local.cli import admin_commands, people
from local.cli.app import run
from local.cli.exits import Exit
from local.stack import Stack


class Gateway:
    """Answers every sign-up with one refusal."""

    code = ""

    def __init__(self, *_: Any, **__: Any) -> None:
        pass

    def post(self, path: str, body: dict[str, Any]) -> Any:
        raise Unavailable("CONTROL_REFUSED", f'the gateway answered 403 to POST {path}: {{"msg": "{self.code}"}}')

    def close(self) -> None:
        pass


@pytest.mark.parametrize("code", ["SIGN_UP_CLOSED", "INVITATION_USED"])
def test_sign_up_when_it_needs_an_invitation_then_the_commands_that_make_one_are_said(
    code: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(people, "Control", type("Refusing", (Gateway,), {"code": code}))
    with pytest.raises(Refused, match=rf"{code}; `agenttrader admin invite bob@example.com`.*--invitation TOKEN"):
        people.sign_up(Stack.create(), "bob@example.com", "a password")


@pytest.mark.parametrize("kept", [[], ["the-account"]])
def test_disable_when_accounts_keep_their_credentials_then_they_are_named(
    kept: list[str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    Stack.create()
    monkeypatch.setattr(admin_commands, "running_pid", lambda _: 1)
    monkeypatch.setattr(admin_commands, "_call", lambda *_: {"accounts_with_credentials": kept})
    assert run(["admin", "disable", "bob@example.com", "--reason", "a test"]) == Exit.FINE
    assert ("the-account" in capsys.readouterr().out) == bool(kept)
