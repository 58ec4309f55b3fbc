"""The config of a strategy as it is given on a command line: JSON, or the name of a file with it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Any

import typer

from functions.core.errors import BadInput

Kind = Annotated[str, typer.Argument(help="The kind of strategy; `agenttrader strategy list` shows them.")]
Config = Annotated[
    str,
    typer.Option("--config", help="Its config: JSON, or a file with it.", metavar="JSON|FILE"),
]
Symbols = Annotated[str | None, typer.Option("--symbols", help="Its symbols, by commas.", metavar="SYMBOL,...")]


def config_of(given: str) -> dict[str, Any]:
    """The object. Raises BadInput BAD_CONFIG where it is none, or the file cannot be read."""
    source, written = "--config", given
    if not given.lstrip().startswith("{"):
        source = given
        try:
            written = Path(given).read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            expected = f"expected a JSON object or a file with one, {given!r} cannot be read"
            raise BadInput("BAD_CONFIG", f"{expected}: {error}", field="config") from error
    try:
        found = json.loads(written)
    except ValueError as error:
        raise BadInput("BAD_CONFIG", f"{source}: expected a JSON object, {error}", field="config") from error
    if not isinstance(found, dict):
        raise BadInput("BAD_CONFIG", f"{source}: expected a JSON object, was {found!r}", field="config")
    return found


def symbols_of(given: str | None, default: tuple[str, ...]) -> tuple[str, ...]:
    """The symbols between commas."""
    return default if given is None else tuple(part.strip() for part in given.split(","))
