"""An exported trail: whoever has the file finds every change of it without the database."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import pytest

from local.audit_file import check
from local.cli import audit_commands
from local.cli.app import run
from tests.integration.ledger.desk import Desk
from tests.integration.ledger.ledger import Ledger

Lines = list[str]


@pytest.fixture(scope="module")
def desk_of_file(ledger: Ledger) -> Desk:
    desk = Desk.open(ledger)
    for label in ('quotes " and \\ and é', "line\nbreak\ttab \u0001", "x"):
        ledger.run("update public.broker_accounts set label = %s where id = %s", label, desk.account)
    desk.hold("100", "10.1234567890")
    return desk


@pytest.fixture
def exporting(desk_of_file: Desk, monkeypatch: pytest.MonkeyPatch) -> Desk:
    """`agenttrader audit` with this ledger as its local cloud; pages are small, so that there are many."""
    stack = SimpleNamespace(database_url=desk_of_file.ledger.dsn)
    monkeypatch.setattr(audit_commands, "found_stack", lambda _: stack)
    monkeypatch.setattr(audit_commands, "PAGE", 3)
    return desk_of_file


@pytest.fixture
def exported(exporting: Desk, tmp_path: Path) -> Path:
    out = tmp_path / "audit.jsonl"
    assert run(["audit", "export", "--out", str(out)]) == 0
    return out


def test_export_when_written_then_whole_and_every_hash_fits_in_python(exporting: Desk, exported: Path) -> None:
    report = check(exported.open("rb"))
    assert report.ok, report.broken
    assert report.links == exporting.ledger.one("select count(*) from public.audit_log")
    assert report.heads == exporting.ledger.call("audit_heads", "fn_report")
    first = json.loads(exported.read_text().splitlines()[0])
    assert set(first["link"]) == {
        "chain", "sequence", "at", "actor", "action", "table", "row", "user", "before", "after",
    }  # fmt: skip
    assert not list(exported.parent.glob(".*")), "no draft is left"


def test_export_when_checked_by_a_program_of_somebody_else_then_it_needs_nothing_of_ours(exported: Path) -> None:
    program = (
        "import sys, hashlib, json\n"
        "for line in open(sys.argv[1], 'rb').read().splitlines()[:-1]:\n"
        "    link = line[line.index(b'\"link\": ') + 8:-1]; told = json.loads(line)\n"
        "    assert hashlib.sha256(bytes.fromhex(told['previous_hash']) + link).hexdigest() == told['hash']\n"
    )
    subprocess.run([sys.executable, "-I", "-c", program, str(exported)], check=True, timeout=30)


ATTACKS: dict[str, Callable[[Lines], Lines]] = {
    "a word is changed": lambda lines: [*lines[:4], lines[4].replace('"actor": "', '"actor": "x'), *lines[5:]],
    "a number loses a zero": lambda lines: [line.replace("0.0000000000", "0.000000000") for line in lines],
    "a line is gone": lambda lines: lines[:4] + lines[5:],
    "a line is doubled": lambda lines: lines[:4] + lines[4:5] + lines[4:],
    "two lines change places": lambda lines: [*lines[:3], lines[4], lines[3], *lines[5:]],
    "the first line is gone": lambda lines: lines[1:],
    "the last link is gone": lambda lines: lines[:-2] + lines[-1:],
    "the heads are gone": lambda lines: lines[:-1],
    "the end is cut": lambda lines: lines[: len(lines) // 2],
    "a whole chain is gone": lambda lines: [
        line for line in lines if json.loads(lines[0])["link"]["chain"] not in line[:260]
    ],
    "something follows": lambda lines: [*lines, lines[0]],
    "the head is another": lambda lines: [*lines[:-1], lines[-1].replace('"sequence": ', '"sequence": 1')],
    "rubbish": lambda lines: [*lines[:4], "rubbish", *lines[4:]],
    "nothing": lambda _: [],
}


@pytest.mark.parametrize("attack", ATTACKS)
def test_file_when_changed_then_found(exported: Path, attack: str) -> None:
    lines = exported.read_text().split("\n")[:-1]
    changed = ATTACKS[attack](lines)
    assert changed != lines
    exported.write_text("".join(line + "\n" for line in changed))
    assert not check(exported.open("rb")).ok
    assert run(["audit", "verify", str(exported), "--json"]) == 1


def test_verify_when_the_file_is_whole_then_fine_and_the_ledger_agrees(
    exporting: Desk, exported: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    exporting.place()
    assert run(["audit", "verify", str(exported), "--ledger", "--json"]) == 0
    answer = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert (answer["ok"], answer["ledger"]["ok"], answer["broken"]) == (True, True, None)


def test_export_when_one_chain_or_a_time_is_asked_for_then_only_that(exporting: Desk, tmp_path: Path) -> None:
    chain, out = str(exporting.account), tmp_path / "part.jsonl"
    assert run(["audit", "export", "--chain", chain, "--out", str(out)]) == 0
    assert set(check(out.open("rb")).heads) == {chain}
    assert run(["audit", "export", "--since", "2999-01-01", "--out", str(out)]) == 0
    report = check(out.open("rb"))
    assert (report.ok, report.links) == (True, 0)


def test_export_when_it_goes_to_the_standard_output_then_lines_only(
    exporting: Desk, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["audit", "export", "--chain", str(exporting.account)]) == 0
    assert check(line.encode() for line in capsys.readouterr().out.splitlines(keepends=True)).ok


@pytest.mark.parametrize(
    "arguments",
    [["export", "--json"], ["verify", "/nowhere"], ["export", "--out", "/nowhere/file"], ["export", "--chain", "nope"]],
    ids=str,
)
def test_audit_when_used_wrongly_then_exit_2(exporting: Desk, arguments: list[str]) -> None:
    del exporting
    assert run(["audit", *arguments]) == 2
