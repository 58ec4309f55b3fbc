"""The whole local cloud through the command line: up, a trader, a stretch of tape with kills, checks, down."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator
from contextlib import closing
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import httpx
import polars as pl
import psycopg
import pytest

from local.cli import demo_trader
from local.cli.app import run
from local.cli.exits import Exit
from local.cli.summary import summarise
from local.conductor.market import Market
from local.conductor.replay import Progressed
from local.verify import Verification, verify
from tests.integration.cli.conftest import PUSHES, Running, processes, shown

FIRST = "where placed_number = (select min(placed_number) from public.trades)"
FIRST_FILL = "where number = (select min(number) from public.fills)"


@pytest.fixture
def connection(running: Running) -> Iterator[psycopg.Connection[Any]]:
    """A transaction that is rolled back, whatever a test does in it."""
    with psycopg.connect(running.stack.database_url) as open_connection:
        yield open_connection
        open_connection.rollback()


@pytest.fixture
def market(running: Running) -> Iterator[Market]:
    open_market = Market.of(running.stack)
    yield open_market
    open_market.close()


def failed(result: Verification) -> list[str]:
    return [check.name for check in result.checks if not check.ok]


def test_up_when_the_cloud_is_up_then_it_says_where(running: Running) -> None:
    assert running.announced["pid"] == running.process.pid
    assert running.announced["url"] == running.stack.url("gateway")


def test_up_when_the_cloud_runs_already_then_exit_3_with_pid_and_address(
    running: Running, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["up", "--json"]) == Exit.ENVIRONMENT
    error = shown(capsys)["error"]
    assert str(running.process.pid) in error["text"]
    assert running.stack.url("gateway") in error["text"]


def test_secrets_when_processes_are_listed_then_no_command_line_shows_one(running: Running) -> None:
    secrets = running.stack.secrets
    kept = [secrets.postgres_password, secrets.jwt_secret, secrets.webhook_secret, secrets.broker_secret]
    for process in processes(running).values():
        command = Path(f"/proc/{process['pid']}/cmdline").read_text()
        assert not any(secret in command for secret in kept)


def test_status_when_parts_were_killed_then_they_are_back_and_their_restarts_are_counted(
    running: Running, traded: list[Progressed], capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["status", "--json"]) == Exit.FINE
    rows = {row["name"]: row for row in shown(capsys)["processes"]}
    assert all(row["healthy"] for row in rows.values())
    assert rows["bus"]["restarts"] == 1
    assert rows["postgres"]["restarts"] == 0
    assert len(traded) == PUSHES


def test_replay_when_parts_are_killed_on_the_way_then_trades_are_filled_and_the_books_agree(
    running: Running, traded: list[Progressed], capsys: pytest.CaptureFixture[str]
) -> None:
    with psycopg.connect(running.stack.database_url) as connection:
        summary = summarise(connection)
    assert summary.fills > 0
    assert set(summary.by_status) <= {"filled", "submitted", "rejected"}
    assert summary.latency_p50 is not None
    assert [(one.broker, one.symbol) for one in summary.positions] == [("alpaca", "SPY"), ("tastytrade", "SPY")]
    assert run(["verify", "--json"]) == Exit.FINE
    assert shown(capsys)["ok"] is True
    assert traded[-1].step == PUSHES
    with psycopg.connect(running.stack.database_url) as connection:
        assert connection.execute("select distinct feed from public.bars").fetchall() == [("dxfeed",)]


@pytest.mark.usefixtures("traded")
@pytest.mark.parametrize(
    ("table", "change", "expected"),
    [
        (
            "position_books",
            "set quantity = quantity + 1, cost_basis = cost_basis + 1",
            ["positions equal the sum of fills", "positions equal the broker's"],
        ),
        ("audit_log", "set actor = 'nobody' where sequence = 1", ["audit trail unbroken"]),
        (
            "fills",
            f"set quantity = quantity / 2 {FIRST_FILL}",
            ["positions equal the sum of fills", "fills equal the broker's"],
        ),
        ("account_snapshots", "set cash = cash + 1", ["cash equals the broker's"]),
        ("trades", f"set status = 'unknown' {FIRST}", ["every trade is terminal or working at the broker"]),
        ("trades", f"set client_order_id = 'another' {FIRST}", ["no duplicate orders"]),
    ],
)
def test_verify_when_a_row_was_tampered_with_then_the_check_that_fits_fails(
    connection: psycopg.Connection[Any], market: Market, table: str, change: str, expected: list[str]
) -> None:
    assert failed(verify(connection, market)) == []
    connection.execute(f"alter table public.{table} disable trigger user".encode())
    connection.execute(f"update public.{table} {change}".encode())
    assert failed(verify(connection, market)) == expected


@pytest.mark.usefixtures("traded")
def test_verify_when_an_event_is_not_published_then_the_outbox_check_fails(
    connection: psycopg.Connection[Any], market: Market
) -> None:
    connection.execute("update private.outbox set published_at = null where id = (select max(id) from private.outbox)")
    assert failed(verify(connection, market)) == ["outbox empty"]


ALPACA = {"account_id": "PA3SECOND001", "key": "PKSECOND", "secret": "second-secret", "cash": "5000"}
TASTY = {"account_number": "5WT00002", "client_secret": "second", "refresh_token": "grant-two", "cash": "7000"}
LINK = {
    "alpaca": (ALPACA, ALPACA["account_id"], {"key": ALPACA["key"], "secret": ALPACA["secret"]}),
    "tastytrade": (
        TASTY,
        TASTY["account_number"],
        {"client_secret": TASTY["client_secret"], "refresh_token": TASTY["refresh_token"]},
    ),
}


def typed(monkeypatch: pytest.MonkeyPatch, secrets: dict[str, str], *more: str) -> int:
    """`agenttrader account link` with the secrets on standard input."""
    monkeypatch.setattr("sys.stdin", io.StringIO(json.dumps(secrets)))
    return run(["account", "link", "alice@example.com", "--secrets", "-", "--json", *more])


@pytest.mark.usefixtures("traded")
@pytest.mark.parametrize("broker", ["alpaca", "tastytrade"])
def test_account_when_linked_here_then_the_cloud_verifies_it_and_unlinking_ends_it(
    broker: str, running: Running, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    there, number, secrets = LINK[broker]
    assert httpx.post(f"{running.stack.url(broker)}/control/accounts", json=there, timeout=10).is_success
    if broker == "alpaca":
        assert run(["admin", "add", "alice@example.com", "--json"]) == Exit.FINE
    named = ("--broker", broker, "--number", number)
    assert typed(monkeypatch, dict.fromkeys(secrets, "with a space"), *named) == Exit.WRONG_USE
    assert shown(capsys)["error"]["code"] == "BAD_CREDENTIAL"
    wrong = dict.fromkeys(secrets, "PKWRONG")
    assert typed(monkeypatch, wrong, *named) == Exit.CHECK_FAILED
    assert shown(capsys)["state"] == "refused"
    assert run(["account", "list", "alice@example.com"]) == Exit.FINE
    listed = capsys.readouterr().out
    assert number in listed
    assert f"{number}: BAD_KEYS: " in listed
    assert typed(monkeypatch, secrets, *named, "--label", "Mine") == Exit.FINE
    said = shown(capsys)
    assert (said["number"], said["state"], said["code"]) == (number, "verified", None)
    with psycopg.connect(running.stack.database_url) as connection:
        money = connection.execute(
            "select cash from public.account_snapshots where broker_account_id = %s", [said["account"]]
        ).fetchall()
    assert money == [(Decimal(there["cash"]),)]
    assert run(["account", "list", "alice@example.com", "--json"]) == Exit.FINE
    row = next(one for one in shown(capsys)["accounts"] if one["broker"] == broker)
    assert (row["number"], row["label"], row["kind"], row["state"]) == (number, "Mine", "paper", "verified")
    assert run(["account", "unlink", "alice@example.com", *named, "--reason", "a test", "--json"]) == Exit.FINE
    assert shown(capsys)["status"] == "unlinked"


@pytest.mark.usefixtures("traded")
def test_strategy_when_stopped_and_started_here_then_it_decides_from_where_the_tape_stands(
    running: Running, capsys: pytest.CaptureFixture[str]
) -> None:
    with psycopg.connect(running.stack.database_url) as connection:
        row = connection.execute(
            "select a.account_id from public.broker_accounts as a join auth.users as u on u.id = a.user_id "
            "where u.email = %s and a.broker = 'alpaca'",
            [demo_trader.EMAIL],
        ).fetchone()
    assert row is not None
    made = ["strategy", "create", "rsi_reversion", demo_trader.EMAIL, "--name", "Mine", "--symbols", "SPY", "--json"]
    assert run([*made, "--number", "PA3NOBODY"]) == Exit.CHECK_FAILED
    assert shown(capsys)["error"]["code"] == "NO_SUCH_ACCOUNT"
    assert run([*made, "--number", row[0]]) == Exit.FINE
    assert shown(capsys)["status"] == "draft"
    assert run([*made, "--number", row[0]]) == Exit.CHECK_FAILED
    assert shown(capsys)["error"]["code"] == "NAME_TAKEN"
    assert run(["strategy", "start", "Mine", "--json"]) == Exit.FINE
    started = shown(capsys)
    assert started["status"] == "active"
    with closing(Market.of(running.stack)) as market:
        assert datetime.fromisoformat(started["decides_after"]) == market.state().now
    assert run(["strategy", "stop", "Mine", "--then", "flatten", "--json"]) == Exit.FINE
    stopped = shown(capsys)
    assert (stopped["status"], stopped["then"], stopped["complete"]) == ("inactive", "flatten", True)


@pytest.mark.usefixtures("traded")
def test_account_when_something_is_open_on_it_then_unlinking_is_refused_with_what(
    running: Running, capsys: pytest.CaptureFixture[str]
) -> None:
    with psycopg.connect(running.stack.database_url) as connection:
        row = connection.execute(
            "select account_id from public.broker_accounts where broker = 'alpaca' and label = 'Demo account'"
        ).fetchone()
    assert row is not None
    asked = ["account", "unlink", demo_trader.EMAIL, "--broker", "alpaca", "--number", row[0], "--reason", "a test"]
    assert run([*asked, "--json"]) != Exit.FINE
    error = shown(capsys)["error"]
    assert error["code"] == "OPEN_EXPOSURE"
    assert "SPY" in error["text"]


@pytest.mark.usefixtures("traded")
def test_history_when_backfilled_through_the_feed_then_it_is_stored_printed_and_exported(
    running: Running, traded: list[Progressed], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    span = ["SPY", "--from", "2018-02-05T14:30", "--to", "2018-02-05T14:50", "--timeframe", "1Min", "--json"]
    assert run(["backfill", *span]) == Exit.FINE
    told = shown(capsys)
    assert (told["status"], told["bars"], told["last_error"]) == ("done", 20, None)
    assert run(["history", *span]) == Exit.FINE
    bars = shown(capsys)["bars"]
    assert [bars[0]["starts_at"], bars[-1]["starts_at"]] == ["2018-02-05T14:30:00+00:00", "2018-02-05T14:49:00+00:00"]
    for name in ("spy.csv", "spy.parquet"):
        assert run(["history", *span, "--out", str(tmp_path / name)]) == Exit.FINE
        assert shown(capsys)["bars"] == 20
    assert (tmp_path / "spy.csv").read_text().splitlines()[1].split(",")[:6] == list(bars[0].values())[:6]
    exported = pl.read_parquet(tmp_path / "spy.parquet")
    assert [str(price) for price in exported["close"]] == [f"{Decimal(bar['close']):.10f}" for bar in bars]


@pytest.mark.parametrize(
    "wrong",
    [
        ["history", "SPY", "--from", "2018-02-05", "--timeframe", "2Min"],
        ["history", "SPY", "--from", "2018-02-05", "--adjusted", "some"],
        ["history", "SPY", "--from", "2018-02-05", "--out", "bars.txt"],
        ["history", "SPY", "--from", "2018-02-06", "--to", "2018-02-05"],
    ],
)
def test_history_when_asked_for_wrongly_then_exit_2_with_a_sentence(running: Running, wrong: list[str]) -> None:
    assert run(wrong) == Exit.WRONG_USE


def test_down_when_the_cloud_runs_then_nothing_of_it_is_left(
    running: Running, capsys: pytest.CaptureFixture[str]
) -> None:
    pids = [process["pid"] for process in processes(running).values()]
    assert run(["down", "--json"]) == Exit.FINE
    assert shown(capsys) == {"stopped": running.process.pid}
    assert running.process.wait(30) == Exit.FINE
    assert not [pid for pid in pids if Path(f"/proc/{pid}").exists()]
    assert run(["status"]) == Exit.ENVIRONMENT
