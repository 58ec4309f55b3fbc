"""Naming a tape in one word: `sp500:SPY:2018-02-05:2018-02-06` or `minute:SPY:2013-10-07`."""

from __future__ import annotations

import os
import re
from datetime import date
from pathlib import Path

from functions.core.errors import BadInput, Misconfigured
from local.tape.minute import FileTape
from local.tape.model import Tape
from local.tape.sessions import MarketCalendar
from local.tape.sp500 import MadeTape

DEFAULT = "sp500:SPY:2018-02-05:2018-02-06"
_SYMBOL = re.compile(r"[A-Z0-9][A-Z0-9.]{0,15}")


def open_tape(spec: str, *, seed: int, calendar: MarketCalendar) -> Tape:
    """Opens SOURCE:SYMBOL[,SYMBOL]:FIRST[:LAST], where the source is `sp500` (made) or `minute` (real files).

    `minute` reads the folder that the environment variable AGENTTRADER_DATA names. Raises BadInput BAD_TAPE for a
    name that cannot be read, and what the tapes themselves raise.
    """
    source, symbols, first, last = _parse(spec)
    if source == "sp500":
        if len(symbols) != 1:
            raise BadInput("BAD_TAPE", f"the made tape has one symbol, was {','.join(symbols)}")
        return MadeTape(symbols[0], first, last, seed=seed, calendar=calendar)
    folder = os.environ.get("AGENTTRADER_DATA")
    if not folder:
        raise Misconfigured(
            "NO_DATA_FOLDER", "AGENTTRADER_DATA must name the folder with the minute files; it is not set"
        )
    return FileTape(symbols, first, last, folder=Path(folder), calendar=calendar)


def check_spec(spec: str) -> None:
    """Raises BadInput BAD_TAPE where `open_tape` would for the name alone."""
    _parse(spec)


def _parse(spec: str) -> tuple[str, list[str], date, date]:
    parts = spec.split(":")
    if len(parts) not in (3, 4) or parts[0] not in ("sp500", "minute"):
        raise BadInput("BAD_TAPE", f"expected sp500|minute:SYMBOL:FIRST[:LAST], such as {DEFAULT}, was {spec!r}")
    symbols = parts[1].split(",")
    for symbol in symbols:
        if not _SYMBOL.fullmatch(symbol):
            raise BadInput("BAD_TAPE", f"expected a symbol such as SPY, was {symbol!r}")
    try:
        first, last = date.fromisoformat(parts[2]), date.fromisoformat(parts[-1])
    except ValueError as error:
        raise BadInput("BAD_TAPE", f"expected days such as 2018-02-05, {error}") from None
    if last < first:
        raise BadInput("BAD_TAPE", f"the last day must not be before the first, was {first} to {last}")
    return parts[0], symbols, first, last
