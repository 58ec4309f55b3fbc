"""Break-glass without a broker: wrong use, the journal, what is meant, who may be closed beside whom."""

from __future__ import annotations

import json
import os
from decimal import Decimal
from pathlib import Path
from typing import Any, cast

import pytest

from functions.brokers.errors import NotConnected
from functions.brokers.holdings import BrokerPosition
from functions.core.errors import Misconfigured, Unavailable
from local.break_glass.credentials import Credentials
from local.break_glass.journal import Journal, unfinished
from local.break_glass.looking import Lookout, Pace, Selection, closing_side, kind_of, underlying
from local.cli.app import run
from local.cli.exits import Exit

CALL = "SPY261218C00500000"
BEGIN = ["break-glass", "--broker", "alpaca", "--account", "PA1"]


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        ([], "PAPER_OR_LIVE"),
        (["--paper", "--live"], "PAPER_OR_LIVE"),
        (["--live"], "NOT_CONFIRMED"),
        (["--live", "--yes-flatten", "PA2"], "NOT_CONFIRMED"),
    ],
)
def test_command_when_it_is_not_clear_what_is_meant_then_exit_2_before_anything(
    arguments: list[str], code: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run([*BEGIN, *arguments, "--json"]) == Exit.WRONG_USE
    assert json.loads(capsys.readouterr().out)["error"]["code"] == code


def test_command_when_there_are_no_credentials_and_nobody_to_ask_then_it_says_where_to_put_them(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert run([*BEGIN, "--paper", "--dry-run", "--json"]) == Exit.ENVIRONMENT
    error = json.loads(capsys.readouterr().out)["error"]
    assert error["code"] == "NO_CREDENTIALS"
    assert "AGENTTRADER_BREAK_GLASS_KEY" in error["text"]


def test_command_when_a_setting_is_malformed_then_the_variable_is_named(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for name, value in {"KEY": "k", "SECRET": "s"}.items():
        monkeypatch.setenv(f"AGENTTRADER_BREAK_GLASS_{name}", value)
    monkeypatch.setenv("AGENTTRADER_BROKER_TIMEOUT", "soon")
    assert run([*BEGIN, "--paper", "--dry-run", "--json"]) == Exit.ENVIRONMENT
    assert "AGENTTRADER_BROKER_TIMEOUT" in json.loads(capsys.readouterr().out)["error"]["text"]


@pytest.mark.parametrize("text", ["[]", "no JSON", "null", '{"broker": "alpaca"'])
def test_credentials_when_the_file_is_no_object_then_it_is_refused_without_showing_it(
    text: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "glass.json"
    path.write_text(text)
    path.chmod(0o600)
    assert run([*BEGIN, "--paper", "--dry-run", "--json", "--credentials", str(path)]) == Exit.ENVIRONMENT
    assert json.loads(capsys.readouterr().out)["error"]["code"] == "BAD_CREDENTIALS"


@pytest.mark.parametrize("is_link", [False, True])
def test_credentials_when_somebody_waits_where_they_are_drafted_then_nobody_else_reads_them(
    is_link: bool, tmp_path: Path
) -> None:
    path, theirs = tmp_path / "glass.json", tmp_path / "theirs"
    theirs.touch(0o644)
    draft = tmp_path / f".glass.json.{os.getpid()}"
    if is_link:
        draft.symlink_to(theirs)
    else:
        draft.touch(0o644)
    Credentials("alpaca", "PA1", is_paper=True, fields={"key": "k", "secret": "hush"}).write(path)
    assert (path.is_symlink(), path.stat().st_mode & 0o777) == (False, 0o600)
    assert theirs.read_text() == ""


def test_journal_when_a_run_was_cut_short_then_what_it_was_about_to_do_is_known(tmp_path: Path) -> None:
    path = tmp_path / "journal.jsonl"
    assert unfinished(path) == []
    journal = Journal.open(path, "run1", print)
    journal.write("closing", client_order_id="bg-1", symbol="SPY", held="5")
    journal.write("closed", client_order_id="bg-1", symbol="SPY", outcome="filled")
    journal.write("closing", client_order_id="bg-2", symbol=CALL, held="-2.5")
    journal.close()
    with path.open("a") as file:
        file.write('{"at": "2026-01-01T00:00:00+00:00", "event": "closing", "client_ord')
    (found,) = unfinished(path)
    assert (found.client_order_id, found.symbol, found.held) == ("bg-2", CALL, Decimal("-2.5"))


def test_journal_when_the_last_line_was_cut_short_then_the_next_one_stands_alone(tmp_path: Path) -> None:
    path = tmp_path / "journal.jsonl"
    path.write_text('{"event": "clos')
    journal = Journal.open(path, "run2", print)
    journal.write("closing", client_order_id="bg-1", symbol="SPY", held="5")
    journal.close()
    assert [one.client_order_id for one in unfinished(path)] == ["bg-1"]


def test_journal_when_another_run_is_at_work_with_it_then_refused_until_that_ends(tmp_path: Path) -> None:
    path = tmp_path / "journal.jsonl"
    first = Journal.open(path, "run1", print)
    with pytest.raises(Misconfigured, match="ALREADY_RUNNING"):
        Journal.open(path, "run2", print)
    first.close()
    Journal.open(path, "run2", print).close()


def test_journal_when_it_was_open_to_others_then_it_is_so_no_longer(tmp_path: Path) -> None:
    path = tmp_path / "journal.jsonl"
    path.touch(0o644)
    Journal.open(path, "run1", print).close()
    assert path.stat().st_mode & 0o777 == 0o600


def test_journal_when_somebody_put_a_link_in_its_place_then_nothing_is_written_through_it(tmp_path: Path) -> None:
    (tmp_path / "mine").write_text("mine")
    (tmp_path / "journal.jsonl").symlink_to(tmp_path / "mine")
    with pytest.raises(Misconfigured, match="NO_JOURNAL"):
        Journal.open(tmp_path / "journal.jsonl", "run1", print)
    assert (tmp_path / "mine").read_text() == "mine"


def test_journal_when_the_disk_fills_up_then_it_is_said_once_and_nothing_stops(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    said: list[str] = []
    journal = Journal.open(tmp_path / "journal.jsonl", "run1", said.append)

    def full(*_: Any) -> int:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "write", full)
    journal.write("canceling")
    journal.write("canceling")
    assert len(said) == 1
    assert "going on without it" in said[0]
    journal.close()


def test_selection_when_a_share_is_named_then_its_options_are_meant_too_and_not_the_other_way() -> None:
    assert [Selection(frozenset({"SPY"})).has(one) for one in ("SPY", CALL, "QQQ")] == [True, True, False]
    assert [Selection(frozenset({CALL})).has(one) for one in ("SPY", CALL)] == [False, True]
    assert Selection().has("anything")


@pytest.mark.parametrize(
    ("symbol", "kind", "under"),
    [
        ("SPY", "stock", "SPY"),
        (CALL, "option", "SPY"),
        ("BTC/USD", "crypto", "BTC/USD"),
        ("what is this", "unknown", "what is this"),
    ],
)
def test_kind_when_a_symbol_is_read_then_what_has_no_form_is_unknown_and_nothing_fails(
    symbol: str, kind: str, under: str
) -> None:
    assert (kind_of(symbol), underlying(symbol)) == (kind, under)


@pytest.mark.parametrize(("quantity", "side"), [("5", "sell"), ("-0.5", "buy")])
def test_closing_side_when_long_or_short_then_it_is_the_other_one(quantity: str, side: str) -> None:
    position = BrokerPosition(symbol="SPY", quantity=Decimal(quantity), average_entry_price=Decimal(1))
    assert closing_side(position) == side


async def test_lookout_when_the_broker_does_not_answer_then_each_time_is_told_until_it_gives_up() -> None:
    said: list[str] = []
    lookout = Lookout(cast("Any", None), Selection(), Pace(patience=0.1, poll=0.01), said.append)

    async def read() -> None:
        raise NotConnected("ALPACA_UNAVAILABLE", "Alpaca did not answer")

    with pytest.raises(Unavailable, match="BROKER_UNREACHABLE"):
        await lookout.patiently(read)
    assert said
    assert all("Alpaca did not answer; asked again for" in line for line in said)
