"""Which tape a demo replays: real minute files where there are some for the day, else the made minute path."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from pathlib import Path

from functions.core.errors import BadInput, Misconfigured
from local.tape import packaged, sp500
from local.tape.model import Tape
from local.tape.sessions import MarketCalendar, new_york
from local.tape.spec import open_tape

_BAR_FILE = re.compile(r"([A-Z0-9.]+)-(\d{4}-\d{2}-\d{2})-bars\.csv\.gz")


@dataclass(frozen=True, slots=True)
class DemoTape:
    """`spec` is what the simulator is told; `opens_at` is when the first session opens, UTC."""

    spec: str
    symbols: tuple[str, ...]
    description: str
    opens_at: datetime


def tape_of(symbol: str, first: date, last: date, seed: int, cache: Path) -> DemoTape:
    """Opens the tape once, so that whatever is wrong with it is said before anything starts.

    Raises BadInput UNKNOWN_SYMBOL or NOT_ON_TAPE, listing what there is, and what the tape itself raises.
    """
    calendar = new_york(cache)
    wanted = [session.day for session in calendar.between(first, last)]
    files = minute_days(os.environ.get("AGENTTRADER_DATA"))
    days = files.get(symbol, [])
    if wanted and all(day in days for day in wanted):
        return _open(f"minute:{symbol}:{first}:{last}", seed, calendar)
    if any(day in days for day in wanted):
        absent = ", ".join(str(day) for day in wanted if day not in days)
        raise BadInput("NOT_ON_TAPE", f"there is no minute file of {symbol} for {absent}; {_offer(files)}")
    if symbol != sp500.SYMBOL:
        raise BadInput("UNKNOWN_SYMBOL", f"there is no tape of {symbol!r}; {_offer(files)}", symbol=symbol)
    try:
        return _open(f"sp500:{symbol}:{first}:{last}", seed, calendar)
    except BadInput as error:
        raise BadInput(error.code, f"{error.text}; {_offer(files)}", **error.numbers) from None


def minute_days(folder: str | None) -> dict[str, list[date]]:
    """The days of each symbol that have a minute file in AGENTTRADER_DATA; empty where it is not set.

    Raises Misconfigured NO_DATA_FOLDER where it names no folder.
    """
    if not folder:
        return {}
    if not Path(folder).is_dir():
        raise Misconfigured("NO_DATA_FOLDER", f"AGENTTRADER_DATA must name a folder, was {folder!r}")
    found: dict[str, list[date]] = {}
    for path in sorted((Path(folder) / "minute").glob("*-bars.csv.gz")):
        match = _BAR_FILE.fullmatch(path.name)
        if match is not None:
            found.setdefault(match[1], []).append(date.fromisoformat(match[2]))
    return found


def _open(spec: str, seed: int, calendar: MarketCalendar) -> DemoTape:
    tape: Tape = open_tape(spec, seed=seed, calendar=calendar)
    return DemoTape(spec, tape.symbols, tape.description, tape.sessions[0].opens_at)


def _offer(files: dict[str, list[date]]) -> str:
    days = packaged.index_days()
    offers = [f"{sp500.SYMBOL} on any trading day from {days[0].day} to {days[-1].day} (made minutes of real days)"]
    offers += [f"{symbol} on {', '.join(_ranges(real))} (real minutes)" for symbol, real in files.items()]
    hint = ""
    if not files:
        folder = os.environ.get("AGENTTRADER_DATA")
        hint = (
            f"; {folder} has no minute/SYMBOL-DAY-bars.csv.gz"
            if folder
            else "; set AGENTTRADER_DATA to replay real minute files"
        )
    return "there is " + ", ".join(offers) + hint


def _ranges(days: list[date]) -> list[str]:
    """Days next to each other, weekends aside, as one range."""
    runs: list[list[date]] = []
    for day in days:
        if runs and day - runs[-1][-1] <= timedelta(days=3):
            runs[-1].append(day)
        else:
            runs.append([day])
    return [str(run[0]) if len(run) == 1 else f"{run[0]}..{run[-1]}" for run in runs]
