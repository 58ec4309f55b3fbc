"""`agenttrader backfill` and `agenttrader history`: fetching bars of the past, and reading them."""

from __future__ import annotations

import contextlib
import threading
import time
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Annotated, Any, Final
from uuid import UUID

import psycopg
import typer

from functions.core.archive.s3 import S3Archive
from functions.core.errors import BadInput, Unavailable
from functions.core.history.adjusting import Adjusted
from functions.core.history.bars import Bar, Timeframe, frame
from functions.core.history.reading import history as read_history
from functions.core.ledger.transport import RestTransport
from functions.core.money import text
from functions.core.settings import Settings
from local.cli.cloud_commands import running_pid
from local.cli.exits import Exit
from local.cli.options import Json, State, found_stack
from local.cli.owner import connected, refusal
from local.cli.screen import Screen
from local.conductor.control import Control
from local.stack import Stack

_POLL: Final = 0.5
# Each look says how far it is; a run ends within the minute and another is asked for.
_RUN_SECONDS: Final = 130.0
_AGAIN: Final = 5.0
_FORMATS: Final = ["%Y-%m-%d", "%Y-%m-%dT%H:%M", "%Y-%m-%dT%H:%M:%S"]
_COLUMNS: Final = ("starts_at", "ends_at", "open", "high", "low", "close", "volume", "feed", "delay_seconds")

Symbol = Annotated[str, typer.Argument(help="A share, such as SPY.", metavar="SYMBOL")]
From = Annotated[datetime, typer.Option("--from", help="First moment, UTC.", formats=_FORMATS)]
To = Annotated[datetime | None, typer.Option("--to", help="Up to this moment, UTC; default now.", formats=_FORMATS)]


def backfill(
    symbol: Symbol,
    first: From,
    to: To = None,
    timeframe: Annotated[str, typer.Option(help="1Min: longer bars are made of minutes.")] = "1Min",
    wait: Annotated[bool, typer.Option("--wait/--no-wait", help="Whether to wait and show how far it is.")] = True,
    as_json: Json = False,
    state: State = None,
) -> int:
    """Fetch the bars of a share from the data credential's broker, and store them. Asked for again, it goes on.

    It goes on by itself too when this command is ended. Exit 1 where it fails.

    Example: agenttrader backfill SPY --from 2018-01-02 --to 2018-02-06
    """
    screen = Screen.open(as_json)
    stack = found_stack(state)
    running_pid(stack)
    try:
        with connected(stack, "backfill") as connection:
            row = connection.execute(
                "select public.request_backfill(%s, %s, %s, %s, %s)",
                [symbol, _utc(first), _utc(to) or datetime.now(UTC), timeframe, "agenttrader backfill"],
            ).fetchone()
    except psycopg.Error as error:
        raise refusal(error) from error
    assert row is not None  # noqa: S101 - a function gives one row
    if not wait:
        screen.say(f"Asked for, as backfill {row[0]}.")
        screen.result({"backfill": str(row[0])})
        return Exit.FINE
    found = _await_end(screen, stack, row[0], symbol)
    screen.say(_sentence(symbol, found))
    screen.result({"backfill": str(row[0]), **found})
    return Exit.FINE if found["status"] == "done" else Exit.CHECK_FAILED


def history(
    symbol: Symbol,
    first: From,
    to: To = None,
    timeframe: Annotated[str, typer.Option(help="1Min, 5Min, 15Min, 1Hour or 1Day.")] = "1Day",
    adjusted: Annotated[str, typer.Option(help="none, splits, or all: dividends too.")] = "splits",
    out: Annotated[Path | None, typer.Option(help="A file that ends in .csv or .parquet.", metavar="FILE")] = None,
    as_json: Json = False,
    state: State = None,
) -> int:
    """Print the stored bars of a share as CSV, or write them to a file: Postgres and the archive as one.

    Example: agenttrader history SPY --from 2018-02-05 --to 2018-02-06 --timeframe 1Min

    Example: agenttrader history SPY --from 2018-01-01 --adjusted all --out spy.parquet
    """
    if timeframe not in ("1Min", "5Min", "15Min", "1Hour", "1Day"):
        raise BadInput("BAD_TIMEFRAME", f"expected 1Min, 5Min, 15Min, 1Hour or 1Day, was {timeframe!r}")
    if adjusted not in ("none", "splits", "all"):
        raise BadInput("BAD_ADJUSTED", f"expected none, splits or all, was {adjusted!r}")
    if out is not None and out.suffix not in (".csv", ".parquet"):
        raise BadInput("BAD_OUT", f"name a file that ends in .csv or .parquet, was {out}")
    screen = Screen.open(as_json)
    stack = found_stack(state)
    running_pid(stack)
    begin, end = _utc(first), _utc(to) or datetime.now(UTC)
    with screen.waiting(f"Reading {timeframe} bars of {symbol}"):
        bars = _read(stack, symbol, timeframe, begin, end, adjusted)  # type: ignore[arg-type] # checked above
        if out is not None:
            _write(bars, out)
    if out is not None:
        screen.note(f"{len(bars)} bars written to {out}")
    else:
        for line in _lines(bars):
            screen.say(line)
    if not bars:
        screen.note(f"No bar of {symbol} is stored there; `agenttrader backfill {symbol} --from ...` fetches them.")
    screen.result({"bars": len(bars), "out": str(out)} if out is not None else {"bars": [_row(bar) for bar in bars]})
    return Exit.FINE


def _read(
    stack: Stack, symbol: str, timeframe: Timeframe, begin: datetime | None, end: datetime, adjusted: Adjusted
) -> list[Bar]:
    assert begin is not None  # noqa: S101 - the option is required
    settings = Settings.model_validate(
        {
            "supabase_url": stack.url("gateway"),
            "publishable_key": stack.publishable_key,
            "jwt_secret": stack.secrets.jwt_secret,
            "archive_url": stack.url("archive"),
            "archive_key": "local",
            "archive_secret": "local",
        }
    )
    return read_history(_Reach(settings), symbol, timeframe, begin, end, adjusted)


class _Reach:
    """The ledger and the archive of a local cloud, as somebody who only reads."""

    def __init__(self, settings: Settings) -> None:
        self.ledger = RestTransport(settings, "fn_report")
        self.archive = S3Archive(settings)


def _await_end(screen: Screen, stack: Stack, backfill_id: UUID, symbol: str) -> dict[str, Any]:
    """How it ended, or how it stands where Ctrl-C ended the waiting. Says how far it is."""
    said = None
    with screen.waiting(f"Backfilling {symbol}") as status, connected(stack, "backfill") as connection:
        connection.commit()
        connection.autocommit = True
        kicked, kicked_at = _kick(stack), time.monotonic()
        while True:
            found = _look(connection, backfill_id)
            if found["status"] in ("done", "failed", "canceled"):
                return found
            progress = _progress(symbol, found)
            if status is not None:
                status.update(progress)
            elif progress != said:
                screen.note(progress)
            said = progress
            if not kicked.is_alive() and time.monotonic() > kicked_at + _AGAIN:
                kicked, kicked_at = _kick(stack), time.monotonic()
            time.sleep(_POLL)  # another process works meanwhile, and only its row tells us


def _kick(stack: Stack) -> threading.Thread:
    """Wakes the function now: its schedule would within a minute."""
    thread = threading.Thread(target=partial(_run_once, stack), name="backfill", daemon=True)
    thread.start()
    return thread


def _run_once(stack: Stack) -> None:
    control = Control("scheduler", stack.url("scheduler"), timeout=_RUN_SECONDS)
    # Where the scheduler does not answer, its own schedule comes later, and the row tells.
    with contextlib.suppress(Unavailable):
        control.post("/run", {"functions": ["run_backfills"], "now": datetime.now(UTC).isoformat()})
    control.close()


def _look(connection: psycopg.Connection[Any], backfill_id: UUID) -> dict[str, Any]:
    row = connection.execute(
        "select status, starts_at, ends_at, cursor_at, bars, findings, last_error from public.backfills where id = %s",
        [backfill_id],
    ).fetchone()
    assert row is not None  # noqa: S101 - nothing is deleted
    names = ("status", "starts_at", "ends_at", "cursor_at", "bars", "findings", "last_error")
    return dict(zip(names, row, strict=True))


def _progress(symbol: str, found: dict[str, Any]) -> str:
    share = (found["cursor_at"] - found["starts_at"]) / (found["ends_at"] - found["starts_at"])
    waits = f"; it waits: {found['last_error']}" if found["last_error"] else ""
    return f"Backfilling {symbol}: {share:.0%}, up to {found['cursor_at']:%Y-%m-%d}, {found['bars']} bars{waits}"


def _sentence(symbol: str, found: dict[str, Any]) -> str:
    if found["status"] != "done":
        return f"The backfill of {symbol} is {found['status']}: {found['last_error']}"
    wanting = f"; {found['findings']} rows were found wanting" if found["findings"] else ""
    return f"{found['bars']} bars of {symbol} up to {found['ends_at']:%Y-%m-%d %H:%M} UTC are stored{wanting}."


def _utc(at: datetime | None) -> datetime | None:
    return None if at is None else at.replace(tzinfo=UTC)


def _row(bar: Bar) -> dict[str, str | int]:
    return {name: _told(getattr(bar, name)) for name in _COLUMNS}


def _told(value: Any) -> str | int:
    if isinstance(value, datetime):
        return value.isoformat()
    return value if isinstance(value, str | int) else text(value)


def _lines(bars: list[Bar]) -> list[str]:
    return [",".join(_COLUMNS), *(",".join(str(value) for value in _row(bar).values()) for bar in bars)]


def _write(bars: list[Bar], out: Path) -> None:
    try:
        if out.suffix == ".parquet":
            frame(bars).write_parquet(out)
        else:
            out.write_text("\n".join(_lines(bars)) + "\n")
    except OSError as error:
        raise BadInput("BAD_OUT", f"{out} cannot be written: {error}") from error
