"""`agenttrader break-glass` as an operator types it, at every broker's simulator."""

from __future__ import annotations

import asyncio
import json
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
import typer

from functions.brokers.errors import BadResponse
from functions.brokers.sealing import FIELDS
from local.break_glass.looking import Pace
from local.cli import break_glass_command
from local.cli.app import run
from local.cli.exits import Exit
from tests.contract.brokers.venue import NOWHERE, Venue, order

SECRETS = {
    "alpaca": {"key": "alice", "secret": "alice-secret"},
    "tastytrade": {"client_secret": "alice-secret", "refresh_token": "alice"},
}


class Operator:
    """Types commands; stands in a folder of their own."""

    def __init__(self, venue: Venue, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
        self.venue, self.folder, self._capsys = venue, folder, capsys
        self.number = asyncio.run(self._number())
        self.journal = folder / f"break-glass-{venue.name}-{self.number}.jsonl"

    async def _number(self) -> str:
        broker = self.venue.broker()
        await broker.submit(order("in", "3"))
        rest: dict[str, Any] = {"order_type": "limit", "limit_price": Decimal("200.01")}
        await broker.submit(order("rests", **rest))
        return (await broker.rules()).account_number

    def types(self, *more: str, number: str | None = None, kind: str = "--paper") -> tuple[int, Any]:
        self._capsys.readouterr()
        given = ["break-glass", "--broker", self.venue.name, "--account", number or self.number, kind]
        code = run([*given, *more, "--json"])
        lines = self._capsys.readouterr().out.splitlines()
        return code, json.loads(lines[-1]) if lines else None

    def file(self, mode: int = 0o600, **changes: str) -> str:
        path = self.folder / "glass.json"
        said = {"broker": self.venue.name, "account": self.number, "environment": "paper", **SECRETS[self.venue.name]}
        path.write_text(json.dumps(said | changes))
        path.chmod(mode)
        return str(path)

    def held(self) -> list[str]:
        return [row["qty"] for row in self.venue.book()["positions"]]


@pytest.fixture
def operator(
    venue: Venue, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Operator:
    monkeypatch.chdir(tmp_path)
    address: str = venue.simulator.url  # type: ignore[attr-defined] # both venues have one
    monkeypatch.setenv("AGENTTRADER_ALPACA_TRADING_URL", address)
    monkeypatch.setenv("AGENTTRADER_TASTYTRADE_URL", address)
    monkeypatch.setattr(break_glass_command, "Pace", lambda patience: PACE)
    return Operator(venue, tmp_path, capsys)


PACE = Pace(patience=10, poll=0.01, settles=0.05)


def test_command_when_it_is_a_dry_run_then_all_is_shown_and_nothing_is_done(operator: Operator) -> None:
    code, said = operator.types("--credentials", operator.file(), "--dry-run")
    assert code == Exit.FINE
    assert [row["symbol"] for row in said["before"]["orders"]] == ["SPY"]
    assert said["before"]["positions"] == [{"symbol": "SPY", "quantity": "3"}]
    assert (operator.held(), operator.journal.exists()) == (["3"], False)


def test_command_when_a_position_cannot_be_read_then_a_dry_run_says_so_by_its_exit(
    operator: Operator, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def unreadable(_: object) -> None:
        raise BadResponse("expected a number", {})

    monkeypatch.setattr(type(operator.venue.broker()), "positions", unreadable)
    code, said = operator.types("--credentials", operator.file(), "--dry-run")
    assert (code, said["before"]["positions"]) == (Exit.CHECK_FAILED, None)
    # What can be done is done: the order goes, and the answer says what is not known.
    code, said = operator.types("--credentials", operator.file(), "--yes-flatten", operator.number)
    assert (code, said["orders"][0]["outcome"]) == (Exit.CHECK_FAILED, "canceled")
    assert "expected a number" in said["left"]["positions_unread"]


def test_command_when_it_is_confirmed_then_all_is_flat_and_on_record_without_a_secret(operator: Operator) -> None:
    code, said = operator.types("--credentials", operator.file(), "--yes-flatten", operator.number)
    assert (code, said["clean"], operator.held()) == (Exit.FINE, True, [])
    assert [one["outcome"] for one in said["orders"]] == ["canceled"]
    assert said["left"] == {"orders": [], "unreadable_orders": 0, "positions": [], "positions_unread": None}
    kept = operator.journal.read_text()
    assert operator.journal.stat().st_mode & 0o777 == 0o600
    events = [json.loads(line)["event"] for line in kept.splitlines()]
    assert (events[0], events[-1]) == ("began", "ended all")
    assert "alice-secret" not in kept


def test_command_when_the_number_is_typed_then_it_acts_and_else_not(
    operator: Operator, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(break_glass_command, "someone_to_ask", lambda: True)
    typed = ["something else", operator.number]
    monkeypatch.setattr(typer, "prompt", lambda *_, **__: typed.pop(0))
    path = operator.file()
    code, said = operator.types("--credentials", path)
    assert (code, said["error"]["code"], operator.held()) == (Exit.WRONG_USE, "NOT_CONFIRMED", ["3"])
    assert operator.types("--credentials", path)[0] == Exit.FINE
    assert operator.held() == []


def test_command_when_credentials_are_in_the_environment_then_they_are_used(
    operator: Operator, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in SECRETS[operator.venue.name].items():
        monkeypatch.setenv(f"AGENTTRADER_BREAK_GLASS_{name.upper()}", value)
    assert operator.types("--yes-flatten", operator.number)[0] == Exit.FINE
    assert operator.held() == []


def test_command_when_credentials_are_typed_in_then_they_can_be_tried_and_kept(
    operator: Operator, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(break_glass_command, "someone_to_ask", lambda: True)
    answers = [SECRETS[operator.venue.name][name] for name in FIELDS[operator.venue.name]]
    hidden: list[bool] = []

    def prompt(*_: str, hide_input: bool = False, **__: Any) -> str:
        hidden.append(hide_input)
        return answers.pop(0)

    monkeypatch.setattr(typer, "prompt", prompt)
    path = operator.folder / "kept.json"
    assert operator.types("--write-credentials", str(path))[0] == Exit.FINE
    assert (hidden, path.stat().st_mode & 0o777) == ([True, True], 0o600)
    assert operator.types("--credentials", str(path), "--dry-run")[0] == Exit.FINE
    assert operator.held() == ["3"]


@pytest.mark.parametrize(
    ("mode", "changes", "code", "error"),
    [
        (0o640, {}, Exit.ENVIRONMENT, "OPEN_CREDENTIALS"),
        (0o600, {"account": "another"}, Exit.WRONG_USE, "OTHER_CREDENTIALS"),
        (0o600, {"environment": "live"}, Exit.WRONG_USE, "OTHER_CREDENTIALS"),
        (0o600, {"secret": "", "client_secret": ""}, Exit.ENVIRONMENT, "BAD_CREDENTIALS"),
        (0o600, {"secret": "stolen", "client_secret": "stolen"}, Exit.ENVIRONMENT, "BAD_KEYS"),
    ],
)
def test_command_when_the_file_is_not_right_then_nothing_is_done_and_it_says_what_to_do(
    mode: int, changes: dict[str, str], code: Exit, error: str, operator: Operator
) -> None:
    path = operator.file(mode, **changes)
    found, said = operator.types("--credentials", path, "--yes-flatten", operator.number)
    assert (found, said["error"]["code"]) == (code, error)
    assert (operator.held(), operator.journal.exists()) == (["3"], False)


def test_command_when_the_credentials_are_of_another_account_then_nothing_is_done(operator: Operator) -> None:
    path = operator.file(account="5WC00002")
    code, said = operator.types("--credentials", path, "--yes-flatten", "5WC00002", number="5WC00002")
    assert (code, said["error"]["code"]) == (Exit.WRONG_USE, "WRONG_ACCOUNT")
    assert operator.held() == ["3"]


def test_command_when_the_broker_is_out_of_reach_then_exit_3_and_where_to_turn(
    operator: Operator, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AGENTTRADER_ALPACA_TRADING_URL", NOWHERE)
    monkeypatch.setenv("AGENTTRADER_TASTYTRADE_URL", NOWHERE)
    monkeypatch.setattr(break_glass_command, "Pace", lambda patience: Pace(patience=0.1, poll=0.01))
    code, said = operator.types("--credentials", operator.file(), "--yes-flatten", operator.number)
    assert (code, said["error"]["code"]) == (Exit.ENVIRONMENT, "BROKER_UNREACHABLE")
    assert "the broker's own page" in said["error"]["text"]


def test_command_when_the_journal_cannot_be_written_then_nothing_is_done(operator: Operator) -> None:
    at = ["--journal", str(operator.folder / "no" / "such" / "folder")]
    code, said = operator.types("--credentials", operator.file(), "--yes-flatten", operator.number, *at)
    assert (code, said["error"]["code"], operator.held()) == (Exit.ENVIRONMENT, "NO_JOURNAL", ["3"])


def test_command_when_something_is_left_then_exit_1(operator: Operator) -> None:
    operator.venue.move(388)
    code, said = operator.types("--credentials", operator.file(), "--yes-flatten", operator.number)
    assert (code, said["clean"]) == (Exit.CHECK_FAILED, False)
    assert said["left"]["positions"][0]["why"].startswith("the market is closed")
