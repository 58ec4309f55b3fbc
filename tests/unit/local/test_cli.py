"""The command line: exit codes, sentences, JSON, and what it says before anything is started."""

from __future__ import annotations

import json
import os
import socket
from datetime import date
from pathlib import Path

import pytest

from functions.core.errors import AgentTraderError, BadInput, Misconfigured, Refused, Unavailable
from local.cli import demo_command
from local.cli.app import app, run
from local.cli.demo_command import read_days
from local.cli.demo_tape import minute_days, tape_of
from local.cli.exits import Exit, exit_of
from local.cli.screen import Screen
from local.stack import PORT_OFFSETS, Stack, default_state, write_private
from local.supervisor.claim import Claim
from local.supervisor.errors import AlreadyRunning
from local.supervisor.notice import Notice
from local.verify import how_many
from tests import prepared
from tests.machine import free_ports

COMMANDS = [
    "demo",
    "up",
    "down",
    "status",
    "doctor",
    "verify",
    "why",
    "lookahead",
    "break-glass",
    "backfill",
    "history",
    "studio",
    "login",
    "logout",
    "positions",
    "api",
]
ADMIN_COMMANDS = [
    f"admin {name}" for name in ("add", "grant", "revoke", "invite", "desk", "disable", "enable", "sign-up")
]


@pytest.fixture(scope="session")
def calendar_cache() -> Path:
    """The exchange's calendar takes seconds to make."""
    return prepared.calendar_cache()


OTHER_COMMANDS = ["account link", "account list", "account unlink", "audit export", "audit verify", "keys rotate"]
STRATEGY_COMMANDS = [f"strategy {name}" for name in ("list", "check", "new", "create", "start", "stop")]
RISK_COMMANDS = [
    "risk preview",
    *(f"halt {name}" for name in ("engage", "status", "lift")),
    *(f"limits {name}" for name in ("kinds", "list", "history", "set", "remove")),
    *(f"exits {name}" for name in ("list", "set", "cancel")),
]
SIGNED_IN_COMMANDS = [
    *(f"orders {name}" for name in ("list", "place", "replace", "cancel")),
    *(f"trades {name}" for name in ("list", "show")),
    *(f"strategies {name}" for name in ("list", "activate", "deactivate")),
    *(f"alerts {name}" for name in ("list", "acknowledge")),
]
GROUPS = ["admin", "account", "audit", "exits", "halt", "keys", "limits", "risk", "strategy"]
GROUPS += ["orders", "trades", "strategies", "alerts"]


@pytest.mark.parametrize(
    "command",
    COMMANDS + ADMIN_COMMANDS + OTHER_COMMANDS + STRATEGY_COMMANDS + RISK_COMMANDS + SIGNED_IN_COMMANDS + GROUPS,
)
def test_help_when_asked_for_then_every_command_has_an_example(
    command: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run([*command.split(), "--help"]) == Exit.FINE
    assert f"Example: agenttrader {command}" in capsys.readouterr().out


@pytest.mark.parametrize(
    "arguments",
    [
        ["bogus"],
        ["demo", "--bogus"],
        ["demo", "--seed", "many"],
        ["demo", "--seed", "-1"],
        ["up", "--seed", "-1"],
        ["demo", "--port-base", "99999"],
        ["status", "now"],
        ["admin", "sign-up", "ajar"],
        ["admin", "invite", "b@example.com", "--role", "boss"],
        ["halt", "--flatten"],
        ["halt", "--scope", "desk", "--reason", "a test"],
        ["limits", "set", "position_limit"],
        ["risk", "preview", "SPY", "buy", "1"],
    ],
)
def test_command_line_when_it_is_wrong_then_exit_2(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert run(arguments) == Exit.WRONG_USE
    assert "Error" in capsys.readouterr().err


@pytest.mark.parametrize("command", ["status", "down", "verify"])
def test_command_when_no_cloud_was_ever_started_then_exit_3_and_a_remedy(
    command: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run([command]) == Exit.ENVIRONMENT
    assert "agenttrader up" in capsys.readouterr().err


@pytest.mark.parametrize("command", ["status", "down", "verify", "audit export"])
def test_command_when_the_last_cloud_crashed_then_the_stale_record_is_recognised(
    command: str, capsys: pytest.CaptureFixture[str]
) -> None:
    stack = Stack.create()
    # A pid that is alive, and certainly no supervisor of this folder: the record alone proves nothing.
    write_private(stack.state / "stack.json", json.dumps({"pid": os.getpid(), "port_base": stack.port_base}))
    assert (
        run([*command.split(), "--json", *(["--out", "unused.jsonl"] if "export" in command else [])])
        == Exit.ENVIRONMENT
    )
    shown = capsys.readouterr()
    assert "ended without stopping" in shown.err
    assert json.loads(shown.out.splitlines()[-1])["error"]["code"] == "NOT_RUNNING"


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (["--day", "yesterday"], "2018-02-05"),
        (["--day", "2018-02-30"], "2018-02-05"),
        (["--day", "2018-02-06..2018-02-05"], "must not be before"),
        (["--pace", "fast"], "60x"),
    ],
)
def test_demo_when_an_option_is_malformed_then_exit_2_and_a_sentence(
    arguments: list[str], expected: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["demo", "--exit", *arguments]) == Exit.WRONG_USE
    assert expected in capsys.readouterr().err


def test_demo_when_a_cloud_runs_on_its_ports_then_it_is_refused_with_the_pid(
    capsys: pytest.CaptureFixture[str],
) -> None:
    stack = Stack.create()
    write_private(
        stack.state / "stack.json", json.dumps({"pid": 4711, "port_base": stack.port_base, "url": "http://here"})
    )
    with Claim(stack.state):
        assert run(["demo", "--exit"]) == Exit.ENVIRONMENT
    assert "4711" in capsys.readouterr().err


def test_up_when_a_demo_runs_on_its_ports_then_it_is_named_and_nothing_is_made(
    capsys: pytest.CaptureFixture[str],
) -> None:
    stack = Stack.create(default_state() / "demo")
    write_private(
        stack.state / "stack.json", json.dumps({"pid": 4711, "port_base": stack.port_base, "url": "http://here"})
    )
    with Claim(stack.state):
        assert run(["up"]) == Exit.ENVIRONMENT
    assert "the demo runs on these ports already (pid 4711" in capsys.readouterr().err
    assert not (default_state() / "secrets.json").exists()


def test_up_when_the_tape_is_malformed_then_exit_2_before_anything_is_made(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["up", "--tape", "bogus"]) == Exit.WRONG_USE
    assert "BAD_TAPE" in capsys.readouterr().err
    assert not default_state().exists() or not (default_state() / "secrets.json").exists()


@pytest.mark.parametrize(
    ("tape", "code", "outcome"),
    [
        ("minute:SPY:2013-10-07", "NO_DATA_FOLDER", Exit.ENVIRONMENT),
        ("sp500:SPY:2026-01-05", "NOT_ON_TAPE", Exit.WRONG_USE),
    ],
)
def test_up_when_the_tape_cannot_be_opened_then_it_is_said_before_anything_is_made(
    tape: str,
    code: str,
    outcome: Exit,
    calendar_cache: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.delenv("AGENTTRADER_DATA", raising=False)
    (tmp_path / "cache").symlink_to(calendar_cache)
    assert run(["up", "--tape", tape, "--state", str(tmp_path)]) == outcome
    assert code in capsys.readouterr().err
    assert not (tmp_path / "secrets.json").exists()


@pytest.mark.parametrize(("number", "words"), [(0, "0 fills"), (1, "1 fill"), (2, "2 fills")])
def test_how_many_when_it_is_one_then_the_word_is_singular(number: int, words: str) -> None:
    assert how_many(number, "fill") == words


def test_demo_when_another_demo_runs_then_its_folder_is_left_alone(tmp_path: Path) -> None:
    folder = tmp_path / "demo"
    folder.mkdir()
    (folder / "precious").touch()
    with Claim(folder), pytest.raises(AlreadyRunning):
        demo_command.clear(folder)
    assert (folder / "precious").exists()


def test_days_when_one_or_two_are_given_then_both_ends_are_read() -> None:
    assert read_days("2018-02-05") == (date(2018, 2, 5), date(2018, 2, 5))
    assert read_days("2018-02-05..2018-02-06") == (date(2018, 2, 5), date(2018, 2, 6))


# --- the demo's tape ------------------------------------------------------------------------------------------------


def test_tape_when_the_symbol_is_unknown_then_the_sentence_lists_what_there_is(
    calendar_cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("AGENTTRADER_DATA", raising=False)
    with pytest.raises(BadInput, match=r"'XYZ'.*SPY on any trading day from 1999-01-04.*AGENTTRADER_DATA"):
        tape_of("XYZ", date(2018, 2, 5), date(2018, 2, 5), 7, calendar_cache)


@pytest.mark.parametrize("day", [date(2018, 2, 4), date(2025, 6, 2), date(1998, 6, 1)])
def test_tape_when_the_day_is_not_on_it_then_the_sentence_lists_what_there_is(
    calendar_cache: Path, monkeypatch: pytest.MonkeyPatch, day: date
) -> None:
    monkeypatch.delenv("AGENTTRADER_DATA", raising=False)
    with pytest.raises(BadInput, match=r"there is SPY on any trading day"):
        tape_of("SPY", day, day, 7, calendar_cache)


def test_tape_when_there_are_minute_files_for_some_of_the_days_then_the_missing_day_is_named(
    calendar_cache: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "minute").mkdir()
    for day in ("2013-10-04", "2013-10-07"):
        (tmp_path / "minute" / f"SPY-{day}-bars.csv.gz").touch()
    monkeypatch.setenv("AGENTTRADER_DATA", str(tmp_path))
    with pytest.raises(BadInput, match=r"no minute file of SPY for 2013-10-08; .*SPY on 2013-10-04..2013-10-07"):
        tape_of("SPY", date(2013, 10, 7), date(2013, 10, 8), 7, calendar_cache)


def test_tape_when_the_data_folder_has_no_minute_files_then_that_is_said(
    calendar_cache: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("AGENTTRADER_DATA", str(tmp_path))
    with pytest.raises(BadInput, match=f"{tmp_path} has no minute/SYMBOL-DAY-bars.csv.gz"):
        tape_of("QQQ", date(2013, 10, 7), date(2013, 10, 7), 7, calendar_cache)


def test_tape_when_the_data_folder_is_no_folder_then_the_sentence_names_the_variable() -> None:
    with pytest.raises(Misconfigured, match="AGENTTRADER_DATA"):
        minute_days("/nowhere/at/all")


def test_tape_when_nothing_is_set_then_the_made_tape_is_opened(
    calendar_cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("AGENTTRADER_DATA", raising=False)
    tape = tape_of("SPY", date(2018, 2, 5), date(2018, 2, 6), 7, calendar_cache)
    assert tape.spec == "sp500:SPY:2018-02-05:2018-02-06"
    assert "never real minute data" in tape.description


# --- doctor and screen ----------------------------------------------------------------------------------------------


def test_doctor_when_a_port_is_taken_then_it_is_named(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    base = free_ports(max(PORT_OFFSETS.values()) + 1)
    with socket.socket() as other:
        other.bind(("127.0.0.1", base + PORT_OFFSETS["bus"]))
        other.listen()
        monkeypatch.setenv("AGENTTRADER_PORT_BASE", str(base))
        assert run(["doctor", "--json"]) == Exit.ENVIRONMENT
    findings = json.loads(capsys.readouterr().out)["findings"]
    ports = next(finding for finding in findings if finding["name"] == "ports")
    assert f"{base + PORT_OFFSETS['bus']} (bus)" in ports["detail"]


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (BadInput("A", "b"), Exit.WRONG_USE),
        (Misconfigured("A", "b"), Exit.ENVIRONMENT),
        (Unavailable("A", "b"), Exit.ENVIRONMENT),
        (AlreadyRunning("A", "b"), Exit.ENVIRONMENT),
        (Refused("A", "b"), Exit.CHECK_FAILED),
    ],
)
def test_exit_code_when_an_error_ends_a_command_then_it_fits_its_kind(error: AgentTraderError, code: Exit) -> None:
    assert exit_of(error) == code


def test_screen_when_output_is_no_terminal_then_it_has_no_colours(capsys: pytest.CaptureFixture[str]) -> None:
    screen = Screen.open(as_json=False)
    screen.hear(Notice("exited", "bus", "was ended by signal 9", lines=("the last words",)))
    screen.error(BadInput("WRONG", "[red]text in brackets is no colour[/red]"))
    shown = capsys.readouterr()
    assert "\x1b" not in shown.out + shown.err
    assert "the last words" in shown.err
    assert "[red]text in brackets" in shown.err


def test_screen_when_json_is_asked_for_then_people_lines_stay_away(capsys: pytest.CaptureFixture[str]) -> None:
    screen = Screen.open(as_json=True)
    screen.say("a line for people")
    screen.result({"trades": 1})
    assert capsys.readouterr().out == '{"trades": 1}\n'


def test_app_when_listed_then_it_has_the_commands_of_the_specification() -> None:
    assert [command.name for command in app.registered_commands] == COMMANDS
