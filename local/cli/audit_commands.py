"""`agenttrader audit export` and `agenttrader audit verify`."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import IO, Annotated, Any

import psycopg
import typer
from psycopg.types.json import Jsonb

from functions.core.errors import BadInput, Unavailable
from local.audit_file import Report, check, end_line
from local.cli.cloud_commands import running_pid
from local.cli.exits import Exit
from local.cli.options import Json, State, found_stack
from local.cli.screen import Screen
from local.stack import Stack
from local.verify import how_many

PAGE = 1000

app = typer.Typer(
    help="Export the audit trail, and check an exported file.\n\nExample: agenttrader audit export --out audit.jsonl",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)


@app.command()
def export(
    chain: Annotated[
        str | None,
        typer.Option(help="One chain only: a broker account's id, user:<id>, or global.", metavar="CHAIN"),
    ] = None,
    since: Annotated[
        datetime | None,
        typer.Option(help="Only what happened from then on, UTC.", formats=["%Y-%m-%d", "%Y-%m-%dT%H:%M:%S"]),
    ] = None,
    out: Annotated[
        Path | None, typer.Option(help="File to write; default the standard output.", metavar="FILE")
    ] = None,
    as_json: Json = False,
    state: State = None,
) -> int:
    """Write the audit trail as JSON lines. The last line holds the heads: keep it elsewhere, as an anchor.

    Example: agenttrader audit export --since 2026-11-01 --out audit.jsonl
    """
    screen = Screen.open(as_json)
    stack = found_stack(state)
    if as_json and out is None:
        raise BadInput("NO_OUT", "--json prints a summary on the standard output: name a file for the lines by --out")
    if since is not None:
        since = datetime.fromisoformat(f"{since.isoformat()}+00:00")
    with _connected(stack) as connection, _opened(out) as file, screen.waiting("Exporting the audit trail") as status:
        written = 0
        for line in _lines(connection, chain, since):
            file.write(line + "\n")
            written += 1
            if status is not None and written % PAGE == 0:
                status.update(f"Exporting the audit trail: {written} lines")
    links = written - 1
    screen.note(f"{how_many(links, 'link')} exported" + (f" to {out}" if out else ""))
    screen.result({"links": links, "out": str(out)})
    return Exit.FINE


@app.command(short_help="Check an exported file, without the database.")
def verify(
    file: Annotated[Path, typer.Argument(help="A file that `audit export` wrote.", metavar="FILE")],
    ledger: Annotated[
        bool, typer.Option("--ledger", help="Also ask the running ledger whether it still has these very links.")
    ] = False,
    as_json: Json = False,
    state: State = None,
) -> int:
    """Compute every hash of an exported file again, without the database. Exit 1 where something does not fit.

    Example: agenttrader audit verify audit.jsonl --ledger
    """
    screen = Screen.open(as_json)
    try:
        with file.open("rb") as lines, screen.waiting(f"Checking {file}") as status:
            report = check(_counted(lines, status))
    except OSError as error:
        raise BadInput("NO_FILE", f"{file} cannot be read: {error.strerror}", file=str(file)) from error
    found: dict[str, Any] | None = None
    if ledger and report.ok:
        with _connected(found_stack(state)) as connection:
            found = _one(connection, "select public.verify_audit_chain(p_anchor => %s)", Jsonb(report.heads))
    _say(screen, report, found)
    fine = report.ok and (found is None or found["ok"])
    screen.result(
        {
            "ok": fine,
            "links": report.links,
            "chains": report.chains,
            "broken": {"line": report.broken.line, "reason": report.broken.reason} if report.broken else None,
            "ledger": found,
        }
    )
    return Exit.FINE if fine else Exit.CHECK_FAILED


def _say(screen: Screen, report: Report, found: dict[str, Any] | None) -> None:
    if report.broken is not None:
        screen.say(f"BROKEN at line {report.broken.line}: {report.broken.reason}")
        return
    screen.say(
        f"The file is whole: {how_many(report.links, 'link')} of {how_many(report.chains, 'chain')}, every hash fits."
    )
    if found is not None and found["ok"]:
        screen.say("The ledger has these very links.")
    elif found is not None:
        broken = found["first_broken"]
        screen.say(f"THE LEDGER DIFFERS at link {broken['sequence']} of chain {broken['chain']}: {broken['reason']}")


def _lines(connection: psycopg.Connection[Any], chain: str | None, since: datetime | None) -> Iterator[str]:
    # One snapshot for heads and links: what is written meanwhile is in neither.
    connection.execute("set transaction isolation level repeatable read, read only")
    heads = _one(connection, "select public.audit_heads(%s)", chain)
    if chain is not None and not heads:
        raise BadInput("NO_SUCH_CHAIN", f"no chain {chain!r}: name a broker account's id, user:<id>, or global")
    at: dict[str, Any] | None = {"chain": "", "sequence": 0}
    while at is not None:
        page = _one(
            connection,
            "select public.export_audit(%s, %s, %s, %s, %s)",
            chain,
            since,
            at["chain"],
            at["sequence"],
            PAGE,
        )
        yield from page["lines"]
        at = page["next"]
    yield end_line(heads, chain, since.isoformat() if since else None)


def _counted(lines: IO[bytes], status: Any) -> Iterator[bytes]:
    for number, line in enumerate(lines, start=1):
        if status is not None and number % PAGE == 0:
            status.update(f"Checking line {number}")
        yield line


def _one(connection: psycopg.Connection[Any], query: str, *values: Any) -> Any:
    row = connection.execute(query.encode(), values).fetchone()
    if row is None:
        raise RuntimeError("a query for one value gave no row")
    return row[0]


@contextlib.contextmanager
def _connected(stack: Stack) -> Iterator[psycopg.Connection[Any]]:
    try:
        with psycopg.connect(stack.database_url, connect_timeout=5) as connection:
            yield connection
    except psycopg.OperationalError as error:
        running_pid(stack)  # where nothing runs, it says so
        raise Unavailable("NO_DATABASE", f"Postgres does not answer: {error}; see `agenttrader status`") from error


@contextlib.contextmanager
def _opened(out: Path | None) -> Iterator[IO[str]]:
    if out is None:
        yield sys.stdout
        return
    # Whole or not at all: a file that was cut off looks like one that somebody cut.
    draft = out.with_name(f".{out.name}.part")
    try:
        with draft.open("w", encoding="utf-8", newline="\n") as file:
            yield file
        draft.replace(out)
    except OSError as error:
        raise BadInput("NO_OUT", f"{out} cannot be written: {error.strerror}", file=str(out)) from error
    finally:
        draft.unlink(missing_ok=True)
